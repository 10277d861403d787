//! The extractor and the response of the operation that opens a live stream of notifications.

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    dev::Payload,
    http::header::{CONTENT_TYPE, HeaderName, HeaderValue},
    web,
};
use domain::{
    accounts::Role,
    id::{SessionId, UserId},
    store::StoreError,
};
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};
use serde_json::json;

use super::{
    query::StreamQuery,
    streams::{EventBody, OpeningTurn},
};
use crate::{
    edge::context::SignedIn,
    extract::{Query, api_of, authenticated},
    openapi::describe,
    problem::{Failure, Problem, Refusal, kinds},
    state::Api,
};

const LAST_EVENT_ID: &str = "last-event-id";

/// Extracts the caller who opens a live stream. A bearer token or, without one, a ticket authenticates the caller.
pub(crate) struct StreamCaller {
    api: web::Data<Api>,
    user_id: UserId,
    session_id: SessionId,
    last: Option<String>,
    turn: OpeningTurn,
}

impl StreamCaller {
    /// Opens the stream.
    ///
    /// # Errors
    /// 429 when the caller has too many streams, 503 when the store is unavailable, the server is shutting
    /// down, or too many streams are being opened.
    pub(crate) async fn open(self) -> Result<EventStream, Failure<StoreError>> {
        let Self { api, user_id, session_id, last, turn } = self;
        let patience = api.settings.request_timeout;
        api.streams.open(user_id, session_id, last, turn, patience).await.map(EventStream)
    }
}

impl FromRequest for StreamCaller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let query = Query::<StreamQuery>::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let api = api_of(&request)?;
            let turn = api.streams.turn(api.settings.request_timeout).await?;
            let actor = authenticated(&request).await?;
            let (user_id, session_id) = match (actor, query.await) {
                (Some(actor), query) => query.map(|_| (actor.user_id, actor.session_id))?,
                (None, Ok(Query(Some(ticket)))) => {
                    let notifications = api.state.notifications.clone();
                    let used = api.run(async move { notifications.use_ticket(&ticket).await }).await;
                    used.map_err(|failure| match failure {
                        Failure::Refused(refusal) => refusal.problem(),
                        Failure::Problem(problem) => problem,
                    })?
                }
                (None, Err(faults)) if has_ticket(request.query_string()) => return Err(faults),
                (None, _) => return Err(Problem::new(&kinds::UNAUTHENTICATED)),
            };
            request.extensions_mut().insert(SignedIn(user_id.to_string()));
            let last = request.headers().get(LAST_EVENT_ID).filter(|last| !last.is_empty());
            // A header that is not ASCII text is treated like an unknown id.
            let last = last.map(|last| last.to_str().unwrap_or("?").to_owned());
            Ok(Self { api, user_id, session_id, last, turn })
        })
    }
}

/// Whether a query string has a parameter with the name `ticket`.
fn has_ticket(query: &str) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some("ticket"))
}

impl Apiv2Schema for StreamCaller {}

impl OperationModifier for StreamCaller {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        for kind in [
            &kinds::UNAUTHENTICATED,
            &kinds::ACCESS_TOKEN_INVALID,
            &kinds::ACCESS_TOKEN_EXPIRED,
            &kinds::TICKET_INVALID,
            &kinds::RATE_LIMITED,
            &kinds::UNAVAILABLE,
            &kinds::INTERNAL,
        ] {
            describe::add_problem(op, kind);
        }
        describe::add_last_event_id(op, "1763805600000-7");
        Query::<StreamQuery>::update_parameter(op);
    }

    fn update_security(op: &mut DefaultOperationRaw) {
        describe::add_bearer(op, Some(Role::User));
        describe::add_ticket(op);
    }
}

/// An open live stream.
#[derive(Debug)]
pub(crate) struct EventStream(EventBody);

impl Responder for EventStream {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, HeaderValue::from_static("text/event-stream")))
            // Without this header nginx would buffer the events.
            .insert_header((HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")))
            .body(self.0)
    }
}

impl Apiv2Schema for EventStream {}

impl OperationModifier for EventStream {
    fn update_response(op: &mut DefaultOperationRaw) {
        let media = json!({
            // The stream has no end, so the limit is the greatest number that every JSON Schema tool can represent.
            "schema": {"type": "string", "pattern": "^(event|id|data)?:", "maxLength": i32::MAX},
            "example": "event: unread\nid: 1763805600000-7\ndata: {\"total\":0,\"by_kind\":{}}\n\n",
        });
        describe::add_media_answer(op, "The events.", "text/event-stream", media, &[]);
    }
}
