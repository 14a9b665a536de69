//! `DELETE /api/account/sessions?scope=others|all`: ends the other sessions, or all of them.

use super::end;
use crate::ports::{Limiter, Ports};
use crate::service::Ctx;
use crate::service::config::Config;
use crate::service::policy::Member;
use crate::store::sessions::Which;
use crate::web::endpoint::Endpoint;
use crate::web::form::Form;
use crate::web::problem::Refusal;
use crate::web::reply::Answer;
use crate::web::request::Received;
use crate::web::route::Route;

/// Ends the caller's other sessions, or all of them. Deletes the cookies if the caller's own is
/// among them.
pub(super) struct EndSessions;

impl Endpoint for EndSessions {
    const ROUTE: Route = Route::delete("/api/account/sessions", "AccountEndSessions")
        .query()
        .limited(Limiter::Session);
    type Actor = Member;
    type Input = Which;

    fn input(request: &Received<'_>, _: &Config) -> Result<Which, Refusal> {
        let query = request.query()?;
        let mut form = Form::of_query(&query, &["scope"]);
        let scope = match form.required("scope").as_deref() {
            Some("others") => Some(Which::Others),
            Some("all") => Some(Which::All),
            Some(_) => {
                form.fault("scope", "not_in_list", "must be others or all");
                None
            }
            None => None,
        };
        form.finish(|| scope)
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, member: Member, which: Which) -> Answer {
        end(ctx, member.session(), which).await
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::EndSessions;
    use crate::web::documented::{Documented, Field, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for EndSessions {
        const SUMMARY: &'static str = "Ends the caller's other sessions, or all of them. Deletes both auth cookies if the caller's own is among them.";

        fn query() -> Vec<Field> {
            vec![Field::one_of("scope", &["others", "all"])]
        }

        fn example(_: &Sample) -> Answer {
            Ok(Reply::no_content().delete_cookies())
        }

        fn shortest_example(_: &Sample) -> Option<Answer> {
            Some(Ok(Reply::no_content()))
        }
    }
}
