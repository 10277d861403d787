//! What a form of the server's own pages sends.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use super::{body, query::Params};
use crate::{edge::in_flight::read_body, problem::Problem};

/// A form may have this many bytes: a token, a password, an address.
const MAX_FORM: usize = 16 * 1024;

const FORMS: &[&str] = &["application/x-www-form-urlencoded"];

/// A form that knows how to be read. It is written as a query string is, and read by the same rules.
pub(crate) trait FromForm: Sized + 'static {
    /// Takes every field; `None` when one of them was at fault.
    fn read(fields: &mut Params) -> Option<Self>;
}

/// The fields of a form; `None` when they are not the page's or cannot be read, which the page says in its own words.
///
/// It comes as bodies of the API do: never packed, of bounded length, and within 10 s.
#[derive(Debug)]
pub(crate) struct Form<T>(pub(crate) Option<T>);

impl<T: FromForm> FromRequest for Form<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = body::check_head(request, FORMS, MAX_FORM);
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            checked?;
            let bytes = read_body(&request, body::collect(payload, MAX_FORM)).await?;
            Ok(Self(str::from_utf8(&bytes).ok().and_then(read)))
        })
    }
}

fn read<T: FromForm>(text: &str) -> Option<T> {
    let mut fields = Params::open(text);
    let value = T::read(&mut fields);
    fields.finish(value).ok()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use futures_util::stream;

    use super::*;
    use crate::{extract::values::any, problem::kinds};

    #[derive(Debug, PartialEq)]
    struct Token(String);

    impl FromForm for Token {
        fn read(fields: &mut Params) -> Option<Self> {
            fields.optional("token", any)?.map(Self)
        }
    }

    #[test]
    fn fields_are_utf_8_without_nul_and_stand_once() {
        assert_eq!(read("token=a+b%2Bc%F0%9F%8E%AC"), Some(Token("a b+c🎬".to_owned())));
        for bad in ["", "token=%00", "token=%FF", "token=a&token=b", "token=a&admin=1", "token=a&x=%FF"] {
            assert_eq!(read::<Token>(bad), None, "{bad}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_form_that_does_not_arrive_is_given_up() {
        let request = TestRequest::post().insert_header(("content-type", FORMS[0])).to_http_request();
        let mut payload: Payload = Payload::Stream { payload: Box::pin(stream::pending()) };
        let refused = Form::<Token>::from_request(&request, &mut payload).await.unwrap_err();
        assert_eq!(refused.kind, &kinds::MALFORMED_REQUEST);
        assert_eq!(refused.detail.as_deref(), Some("The body did not arrive in time."));
    }
}
