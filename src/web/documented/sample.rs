//! The people, sessions and tokens of the document's examples.

use super::super::problem::Refusal;
use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::identity::user::Profile;
use crate::domain::session::SessionKey;
use crate::domain::session::token::{AccessClaims, RefreshClaims};
use crate::domain::time::{Seconds, UnixSeconds};
use crate::service::config::Misconfiguration;
use crate::service::issue::{AccessToken, TokenPair};
use crate::service::{Service, ServiceError};

/// The key of RFC 8037, appendix A.1, which signs nothing but examples.
const JWT_KEYS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026-11","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
const ROLE: &str = "application-access";
const DAY: Seconds = Seconds::new(86_400);
const MINUTE: Seconds = Seconds::new(60);

/// A deployment with the default settings, one of its users, and the user's session.
pub struct Sample {
    /// The deployment.
    pub service: Service,
    /// The time of the request.
    pub now: UnixSeconds,
    /// The user and the session.
    pub session: SessionKey,
}

impl Sample {
    /// Configures the deployment.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the settings.
    pub fn new() -> Result<Self, Misconfiguration> {
        let service = Service::configure(|name| {
            let value = match name {
                "ISSUER" => "https://auth.example.org",
                "AUDIENCE" => "example",
                "UPSTREAMS" => "orders",
                "JWT_KEYS" => JWT_KEYS,
                _ => return None,
            };
            Some(value.to_owned())
        })?;
        Ok(Self {
            service,
            now: UnixSeconds::new(1_795_251_600),
            session: SessionKey {
                user: UserId::new(1_795_000_000_000, &[0x5a; 10]),
                id: SessionId::from_random([0x5a; 16]),
            },
        })
    }

    /// Returns a time some days ago.
    #[must_use]
    pub fn days_ago(&self, days: u32) -> String {
        self.now
            .minus(Seconds::new(days.saturating_mul(DAY.get())))
            .to_rfc3339()
    }

    /// Returns the user's profile.
    #[must_use]
    pub fn profile(&self) -> Profile {
        Profile {
            id: self.session.user,
            name: Some("Ada Lovelace".to_owned()),
            email: "ada@example.com".to_owned(),
            is_active: true,
            is_superuser: false,
            role_slug: ROLE.to_owned(),
        }
    }

    /// Returns an access token.
    ///
    /// # Errors
    ///
    /// Refuses with 500 when it cannot be signed.
    pub fn access_token(&self) -> Result<AccessToken, Refusal> {
        let expires_at = self.now.plus(MINUTE);
        let claims = AccessClaims {
            session: self.session,
            role: ROLE.to_owned(),
            issued_at: self.now,
            expires_at,
            id: TokenId::from_random([0x5a; 16]).of_access_token(),
        };
        let signed = self.service.tokens.sign_access(&claims);
        Ok(AccessToken {
            signed: signed.map_err(ServiceError::from)?,
            expires_at,
        })
    }

    /// Returns a pair of tokens.
    ///
    /// # Errors
    ///
    /// Refuses with 500 when they cannot be signed.
    pub fn pair(&self) -> Result<TokenPair, Refusal> {
        let refresh_expires_at = self.now.plus(DAY);
        let claims = RefreshClaims {
            session: self.session,
            issued_at: self.now,
            expires_at: refresh_expires_at,
            id: TokenId::from_random([0x5a; 16]),
        };
        let refresh = self.service.tokens.sign_refresh(&claims);
        Ok(TokenPair {
            access: self.access_token()?,
            refresh: refresh.map_err(ServiceError::from)?,
            refresh_expires_at,
        })
    }
}
