//! `GET /api/account/activity?cursor=…&limit=…`: the events of the caller's account.

use core::ops::RangeInclusive;

use serde::Serialize;

use crate::domain::audit::{AuditCursor, AuditEntry, AuditEvent};
use crate::domain::id::SessionId;
use crate::ports::{Limiter, Ports};
use crate::service::config::Config;
use crate::service::policy::Member;
use crate::service::{Ctx, ServiceError};
use crate::store::audit::{self, Page};
use crate::web::endpoint::Endpoint;
use crate::web::form::{Form, number};
use crate::web::problem::Refusal;
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// The number of entries in a page, unless the client asks for another.
const DEFAULT_PAGE: u32 = 20;
/// The numbers of entries that a client may ask for.
const PAGE_LIMITS: RangeInclusive<u32> = 1..=100;

/// Lists events, the newest first, a page at a time. One round trip.
pub(super) struct ListActivity;

impl Endpoint for ListActivity {
    const ROUTE: Route = Route::get("/api/account/activity", "AccountActivity")
        .query()
        .limited(Limiter::Session);
    type Actor = Member;
    type Input = Page;

    fn input(request: &Received<'_>, _: &Config) -> Result<Page, Refusal> {
        let query = request.query()?;
        let mut form = Form::of_query(&query, &["cursor", "limit"]);
        let cursor = match form.optional("cursor") {
            Some(text) => AuditCursor::parse(&text),
            None => Some(AuditCursor::START),
        };
        if cursor.is_none() {
            form.fault(
                "cursor",
                "invalid_cursor",
                "must be a nextCursor of an earlier page",
            );
        }
        let limit = match form.optional("limit") {
            Some(text) => number(&text).filter(|limit| PAGE_LIMITS.contains(limit)),
            None => Some(DEFAULT_PAGE),
        };
        if limit.is_none() {
            form.fault("limit", "out_of_range", "must be a number from 1 to 100");
        }
        form.finish(|| {
            Some(Page {
                cursor: cursor?,
                limit: limit?,
            })
        })
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, member: Member, page: Page) -> Answer {
        // One more entry than requested shows whether there is a next page.
        let asked = Page {
            limit: page.limit.saturating_add(1),
            ..page
        };
        let mut entries = audit::events(ctx.ports, member.session(), asked, ctx.now)
            .await?
            .ok_or(ServiceError::InvalidToken)?;
        let has_more = entries.len() > page.limit as usize;
        entries.truncate(page.limit as usize);
        let next_cursor = has_more.then(|| page.cursor.behind(&entries).to_string());
        let events = entries.into_iter().map(EventBody::from).collect();
        Reply::json(&ActivityBody {
            events,
            next_cursor,
        })
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Activity))]
#[serde(rename_all = "camelCase")]
struct ActivityBody {
    events: Vec<EventBody>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ActivityEvent))]
#[serde(rename_all = "camelCase")]
struct EventBody {
    event: AuditEvent,
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    at: String,
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    last_at: String,
    count: u32,
    session_id: Option<SessionId>,
    reason: Option<String>,
    actor: String,
    country: Option<String>,
    request_id: Option<String>,
}

impl From<AuditEntry> for EventBody {
    fn from(entry: AuditEntry) -> Self {
        Self {
            event: entry.event,
            at: entry.at.to_rfc3339(),
            last_at: entry.last_at.to_rfc3339(),
            count: entry.count,
            session_id: entry.session,
            reason: entry.reason,
            actor: entry.actor,
            country: entry.country,
            request_id: entry.request_id,
        }
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::{ActivityBody, EventBody, ListActivity, PAGE_LIMITS};
    use crate::domain::audit::{AuditCursor, AuditEvent};
    use crate::web::documented::{Documented, Field, Returned, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for ListActivity {
        const SUMMARY: &'static str =
            "Lists the events of the caller's account, the newest first, a page at a time.";

        fn query() -> Vec<Field> {
            vec![
                Field::text("cursor", &AuditCursor::START.to_string())
                    .described("The `nextCursor` of the page before.")
                    .optional(),
                Field::number("limit", PAGE_LIMITS).optional(),
            ]
        }

        fn returns() -> Returned {
            Returned::one::<ActivityBody>()
        }

        fn example(sample: &Sample) -> Answer {
            Reply::json(&ActivityBody {
                events: vec![EventBody {
                    event: AuditEvent::LoggedIn,
                    at: sample.days_ago(0),
                    last_at: sample.days_ago(0),
                    count: 1,
                    session_id: Some(sample.session.id),
                    reason: None,
                    actor: "user".to_owned(),
                    country: Some("PT".to_owned()),
                    request_id: Some("d9f54d08-5fed-4a92-980a-1b9c5319fb83".to_owned()),
                }],
                next_cursor: None,
            })
        }
    }
}
