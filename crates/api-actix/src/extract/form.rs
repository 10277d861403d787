//! Reads the HTML forms of the server's own pages.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use super::{api_of, body, faults::Faults, input::Input, query};
use crate::{edge::in_flight::read_body, problem::Problem, rules::Rules};

/// The maximum size of a form, in bytes, enough for a token, a password and an email address.
const MAX_FORM: usize = 16 * 1024;

const FORMS: &[&str] = &["application/x-www-form-urlencoded"];

/// Extracts the fields of a form; `None` when they are invalid, so that the page can show its own message.
///
/// A form has the format of a query string. It must have at most 16 KiB. Like a JSON body, it must not be compressed,
/// and must arrive within 10 s.
#[derive(Debug)]
pub(crate) struct Form<T: Input>(pub(crate) Option<T::Checked>);

impl<T: Input> FromRequest for Form<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = body::check_head(request, FORMS, MAX_FORM);
        let api = api_of(request);
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            checked?;
            let bytes = read_body(&request, body::collect(&request, payload, MAX_FORM)).await?;
            let rules = &api?.state.rules;
            Ok(Self(str::from_utf8(&bytes).ok().and_then(|text| read::<T>(text, rules))))
        })
    }
}

fn read<T: Input>(text: &str, rules: &Rules) -> Option<T::Checked> {
    let mut faults = Faults::default();
    let value = query::read::<T>(text, rules, &mut faults);
    faults.finish(value).ok()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use futures_util::stream;

    use super::*;
    use crate::{
        extract::{inputs, test_rules},
        problem::kinds,
    };

    #[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
    struct TokenForm {
        #[schemars(length(max = 10))]
        token: Option<String>,
    }

    inputs!(TokenForm);

    #[test]
    fn fields_must_be_utf_8_without_nul_and_not_repeated() {
        let token = |text: &str| read::<TokenForm>(text, &test_rules()).map(|form| form.token);
        assert_eq!(token("token=a+b%2Bc%F0%9F%8E%AC"), Some(Some("a b+c🎬".to_owned())));
        for empty in ["", "token=", "token"] {
            assert_eq!(token(empty), Some(None), "{empty}");
        }
        for bad in ["token=%00", "token=%FF", "token=a&token=b", "token=a&admin=1", "token=a&x=%FF"] {
            assert_eq!(token(bad), None, "{bad}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_form_that_does_not_arrive_is_abandoned() {
        let request = TestRequest::post().insert_header(("content-type", FORMS[0])).to_http_request();
        let mut payload: Payload = Payload::Stream { payload: Box::pin(stream::pending()) };
        let refused = Form::<TokenForm>::from_request(&request, &mut payload).await.err().unwrap();
        assert_eq!(refused.kind, &kinds::MALFORMED_REQUEST);
        assert_eq!(refused.detail.as_deref(), Some("The body did not arrive in time."));
    }
}
