//! Sends the export of a user's data in parts. There may be many comments, so they are read from the store while the
//! export is sent.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    HttpRequest, HttpResponse, Responder, ResponseError,
    body::{BodySize, BoxBody, MessageBody},
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    web::Bytes,
};
use app::accounts::OwnData;
use domain::{
    accounts::WrittenComment,
    id::{CommentId, UserId},
    time::Instant,
};
use futures_util::{Stream, stream};
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};

use super::{bodies::PersonalDataBody, opinions::CommentRowBody};
use crate::{extract::UseCases, large_answers::SendingPermit, openapi::describe};

/// The minimum size of a part with comments, in bytes. A part may exceed it by up to one comment. Only the part with
/// the last comments of a page from the store may be smaller.
const PART: usize = 8 * 1024;

/// The response with an export, which browsers save as a file named `file_name`.
pub(crate) struct ExportDownload {
    pub(super) body: PersonalDataBody,
    pub(super) user_id: UserId,
    pub(super) own_data: UseCases<OwnData>,
    pub(super) permit: SendingPermit,
    pub(super) file_name: String,
}

impl Responder for ExportDownload {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        let Self { body, user_id, own_data, permit, file_name } = self;
        match body.around_the_comments() {
            Ok((before, after)) => {
                let comments = Comments {
                    own_data,
                    user_id,
                    behind: None,
                    read: VecDeque::new(),
                    is_complete: false,
                    is_first: true,
                    _permit: permit,
                };
                let parts = Parts { before: Some(before), after: Some(after), comments };
                let parts = Box::pin(stream::unfold(parts, Parts::next));
                HttpResponse::Ok()
                    .insert_header((CONTENT_TYPE, "application/json"))
                    .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{file_name}\"")))
                    .body(ExportBody { parts })
            }
            Err(problem) => problem.error_response(),
        }
    }
}

impl Apiv2Schema for ExportDownload {}

impl OperationModifier for ExportDownload {
    fn update_response(op: &mut DefaultOperationRaw) {
        describe::add_answer::<PersonalDataBody>(op, 200, "A file to download.", &["Content-Disposition"]);
    }
}

/// The parts of the JSON document that have not been sent yet.
struct Parts {
    before: Option<String>,
    comments: Comments,
    after: Option<String>,
}

impl Parts {
    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        if let Some(before) = self.before.take() {
            return Some((Ok(before.into()), self));
        }
        match self.comments.next().await {
            Ok(Some(part)) => Some((Ok(part), self)),
            Ok(None) => self.after.take().map(|after| (Ok(after.into()), self)),
            Err(error) => {
                // Returning the error closes the connection, so that the client sees that the document is incomplete.
                self.after = None;
                Some((Err(error), self))
            }
        }
    }
}

/// The comments that have not been sent yet. They are read from the store in pages.
struct Comments {
    own_data: UseCases<OwnData>,
    user_id: UserId,
    /// The time and id of the last comment that was read; the next page begins after it.
    behind: Option<(Instant, CommentId)>,
    read: VecDeque<WrittenComment>,
    is_complete: bool,
    is_first: bool,
    _permit: SendingPermit,
}

impl Comments {
    /// Returns the next comments as elements of a JSON list, without the brackets of the list; `None` when all comments
    /// were returned.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.read.is_empty() && !self.is_complete {
            self.read().await?;
        }
        let mut part = String::new();
        while part.len() < PART
            && let Some(comment) = self.read.pop_front()
        {
            if !std::mem::take(&mut self.is_first) {
                part.push(',');
            }
            part.push_str(&serde_json::to_string(&CommentRowBody::from(comment))?);
        }
        Ok((!part.is_empty()).then(|| part.into()))
    }

    async fn read(&mut self) -> io::Result<()> {
        let (user_id, behind) = (self.user_id, self.behind);
        let page =
            self.own_data.run(async move |own_data| own_data.written_comments(user_id, behind).await).await;
        let page = page.map_err(|failure| {
            let problem = failure.to_problem();
            tracing::warn!(cause = problem.cause, "the comments of an export could not be read");
            io::Error::other("the comments could not be read")
        })?;
        match page.last() {
            Some(last) => self.behind = Some((last.created_at, last.id)),
            None => self.is_complete = true,
        }
        self.read = page.into();
        Ok(())
    }
}

/// The streamed body of an export. Its length is not known in advance.
struct ExportBody {
    parts: Pin<Box<dyn Stream<Item = io::Result<Bytes>>>>,
}

impl MessageBody for ExportBody {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        self.parts.as_mut().poll_next(cx)
    }
}
