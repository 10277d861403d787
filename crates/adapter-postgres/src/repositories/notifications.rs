use async_trait::async_trait;
use diesel::{
    ExpressionMethods, QueryDsl,
    sql_types::{BigInt, Bool, Nullable, Text},
};
use domain::{
    accounts::public_name,
    id::{CommentId, MovieId, NotificationId, UserId},
    notifications::{
        MAILED_EVERY, MailedKind, NewNotification, NotificationCause, NotificationKind, NotificationMail,
        NotificationRepository, NotificationSettings, PushedNotification, ReadSelection,
    },
    store::StoreError,
    time::Instant,
};
use uuid::Uuid;

use crate::{
    dialect::{DbInstant, DbUuid, SqlId, SqlInstant, for_update, push_any},
    schema::{notification_actors, notification_inboxes, notifications},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

type InboxTypes = (BigInt, Bool, Bool, BigInt, Nullable<SqlInstant>);
type InboxRow = (i64, bool, bool, i64, Option<DbInstant>);
type MailTypes = (Text, Nullable<Text>, Nullable<Text>, Text);
type MailRow = (String, Option<String>, Option<String>, String);

/// The inbox of a user, whose row is locked.
struct Inbox {
    /// The position of the last change. Each change that the user can see gets the next position.
    position: i64,
    settings: NotificationSettings,
    /// The number of mails about replies and likes since `mails_since`. It is stored in the column `reply_mails`,
    /// which counts mails about likes too, despite its name.
    mails: i64,
    mails_since: Option<Instant>,
}

impl Inbox {
    /// The number of mails that count towards the receiver's limit: all mails since `mails_since`, or 0 when at least
    /// [`MAILED_EVERY`] has passed since `mails_since`.
    fn recent_mails(&self, now: Instant) -> Result<u64, StoreError> {
        let is_recent = self.mails_since.is_some_and(|since| now.signed_duration_since(since) < MAILED_EVERY);
        if is_recent { u64::try_from(self.mails).map_err(StoreError::failed) } else { Ok(0) }
    }
}

/// A notification to which an event was just added. `count` includes this event; `mailed_at` is the time of the
/// last mail about the notification.
struct Current {
    id: NotificationId,
    count: u64,
    mailed_at: Option<Instant>,
}

/// The values of the columns that store what a notification is about.
#[derive(Default)]
struct Subject {
    actor: Option<UserId>,
    movie: Option<Uuid>,
    removed_movie: Option<(Uuid, String)>,
    comment: Option<Uuid>,
    order: Option<Uuid>,
}

impl From<&NotificationCause> for Subject {
    fn from(cause: &NotificationCause) -> Self {
        let of_comment = |movie: Uuid, comment: Uuid| Self {
            actor: cause.actor(),
            movie: Some(movie),
            comment: Some(comment),
            ..Self::default()
        };
        match cause {
            NotificationCause::CommentReply { movie_id, reply_id, .. } => {
                of_comment(movie_id.as_uuid(), reply_id.as_uuid())
            }
            NotificationCause::CommentLike { movie_id, comment_id, .. } => {
                of_comment(movie_id.as_uuid(), comment_id.as_uuid())
            }
            NotificationCause::OrderPaid { order_id } | NotificationCause::OrderRefunded { order_id, .. } => {
                Self { order: Some(order_id.as_uuid()), ..Self::default() }
            }
            NotificationCause::MovieRemovedFromCart { movie_id, movie_name } => {
                Self { removed_movie: Some((movie_id.as_uuid(), movie_name.clone())), ..Self::default() }
            }
        }
    }
}

#[async_trait]
impl NotificationRepository for UnitOfWork {
    async fn push_notification(
        &mut self,
        new: &NewNotification,
    ) -> Result<Option<PushedNotification>, StoreError> {
        let Some(inbox) = self.advance_inbox(new.receiver).await? else { return Ok(None) };
        let pushed = if let NotificationCause::CommentLike { actor, .. } = &new.cause {
            self.push_like(new, *actor, &inbox).await?
        } else {
            let earlier = Current { id: new.id, count: 1, mailed_at: None };
            self.insert_notification(new, &inbox).await?.then_some(earlier)
        };
        let Some(pushed) = pushed else { return Ok(None) };
        let kind = MailedKind::of(new.cause.kind()).filter(|kind| inbox.settings.wants_mail(*kind));
        let mail = match kind {
            Some(kind) => self.notification_mail(new, kind, &pushed, &inbox).await?,
            None => None,
        };
        Ok(Some(PushedNotification { id: pushed.id, mail }))
    }

    async fn mark_notification_mailed(&mut self, id: NotificationId, at: Instant) -> Result<(), StoreError> {
        let notification = notifications::table.find(DbUuid(id.as_uuid()));
        let query = diesel::update(notification).set(notifications::mailed_at.eq(Some(DbInstant(at))));
        self.execute_one(query).await?;
        let counted_after = at.checked_sub_signed(MAILED_EVERY).unwrap_or(at);
        let mut statement = Statement::<()>::new(
            "UPDATE notification_inboxes SET reply_mails = CASE WHEN reply_mails_since > ",
        );
        statement
            .bind(counted_after)
            .sql(" THEN reply_mails + 1 ELSE 1 END, reply_mails_since = CASE WHEN reply_mails_since > ")
            .bind(counted_after)
            .sql(" THEN reply_mails_since ELSE ")
            .bind(at)
            .sql(" END WHERE user_id IN (SELECT user_id FROM notifications WHERE id = ")
            .bind(id.as_uuid())
            .sql(")");
        self.execute(statement).await?;
        Ok(())
    }

    async fn withdraw_like_notification(
        &mut self,
        comment_id: CommentId,
        actor: UserId,
    ) -> Result<(), StoreError> {
        let query = notifications::table
            .filter(notifications::comment_id.eq(DbUuid(comment_id.as_uuid())))
            .filter(notifications::kind.eq(NotificationKind::CommentLike.as_str().to_owned()))
            .select((notifications::id, notifications::user_id));
        let found: Option<(DbUuid, DbUuid)> = self.first(query).await?;
        let Some((id, receiver)) = found else { return Ok(()) };
        self.advance_inbox(UserId::from_uuid(receiver.0)).await?;
        let act = notification_actors::table.find((id, DbUuid(actor.as_uuid())));
        if self.execute(diesel::delete(act)).await? == 0 {
            return Ok(());
        }
        let mut statement = without_one(actor);
        statement.sql("id = ").bind(id.0);
        self.execute_one(statement).await
    }

    async fn remove_comment_notifications(&mut self, comment_id: CommentId) -> Result<(), StoreError> {
        let of_comment =
            || notifications::table.filter(notifications::comment_id.eq(DbUuid(comment_id.as_uuid())));
        let query =
            of_comment().select(notifications::user_id).distinct().order_by(notifications::user_id.asc());
        let receivers: Vec<DbUuid> = self.load(query).await?;
        for receiver in receivers {
            self.advance_inbox(UserId::from_uuid(receiver.0)).await?;
        }
        self.execute(diesel::delete(of_comment())).await?;
        Ok(())
    }

    async fn mark_notifications_read(
        &mut self,
        receiver: UserId,
        selection: &ReadSelection,
        at: Instant,
    ) -> Result<(), StoreError> {
        self.advance_inbox(receiver).await?;
        let mut statement = Statement::<()>::new("UPDATE notifications SET read_at = ");
        statement
            .bind(at)
            .sql(" WHERE user_id = ")
            .bind(receiver.as_uuid())
            .sql(" AND read_at IS NULL AND count > 0");
        if let ReadSelection::Ids(ids) = selection {
            statement.sql(" AND ");
            push_any(&mut statement, "id", ids.iter().map(NotificationId::as_uuid).collect());
        }
        self.execute(statement).await?;
        Ok(())
    }

    async fn notification_settings_for_update(
        &mut self,
        user_id: UserId,
    ) -> Result<Option<NotificationSettings>, StoreError> {
        Ok(self.move_inbox(user_id, 0).await?.map(|inbox| inbox.settings))
    }

    async fn put_notification_settings(
        &mut self,
        user_id: UserId,
        settings: NotificationSettings,
    ) -> Result<(), StoreError> {
        let query = diesel::update(notification_inboxes::table.find(DbUuid(user_id.as_uuid()))).set((
            notification_inboxes::mails_comment_reply.eq(settings.mails_comment_reply),
            notification_inboxes::mails_comment_like.eq(settings.mails_comment_like),
        ));
        self.execute_one(query).await
    }
}

/// The beginning of an `UPDATE` that removes one action of this user from notifications. The caller appends the
/// condition. The user's rows in `notification_actors` must be deleted separately.
fn without_one(actor: UserId) -> Statement<()> {
    let mut statement = Statement::new(
        "UPDATE notifications SET count = count - 1, actor_id = (SELECT a.user_id FROM notification_actors a \
         WHERE a.notification_id = notifications.id AND a.user_id <> ",
    );
    statement.bind(actor.as_uuid()).sql(" ORDER BY a.acted_at DESC, a.user_id DESC LIMIT 1) WHERE ");
    statement
}

impl UnitOfWork {
    /// Locks the user's inbox and moves it to the next position. Creates the inbox if necessary; returns `None` for an
    /// unknown or erased user.
    async fn advance_inbox(&mut self, user_id: UserId) -> Result<Option<Inbox>, StoreError> {
        self.move_inbox(user_id, 1).await
    }

    /// Moves every inbox that has a notification about the movie to its next position, so that the live streams of
    /// notifications send the new unread counts. Must be called before the movie is deleted, which also deletes these
    /// notifications.
    pub(super) async fn advance_inboxes_of_movie(&mut self, movie_id: MovieId) -> Result<(), StoreError> {
        let query = notifications::table
            .filter(notifications::movie_id.eq(Some(DbUuid(movie_id.as_uuid()))))
            .select(notifications::user_id)
            .distinct()
            .order_by(notifications::user_id.asc());
        let receivers: Vec<DbUuid> = self.load(query).await?;
        for receiver in receivers {
            self.advance_inbox(UserId::from_uuid(receiver.0)).await?;
        }
        Ok(())
    }

    /// Like `advance_inbox`, but moves the inbox by `by` positions; with 0, only creates or locks it.
    async fn move_inbox(&mut self, user_id: UserId, by: i64) -> Result<Option<Inbox>, StoreError> {
        let mut statement = Statement::<InboxTypes>::new(
            "INSERT INTO notification_inboxes (user_id, last_position) SELECT id, ",
        );
        statement
            .bind(by)
            .sql(" FROM users WHERE deleted_at IS NULL AND id = ")
            .bind(user_id.as_uuid())
            .sql(" ON CONFLICT (user_id) DO UPDATE SET last_position = notification_inboxes.last_position + ")
            .bind(by)
            .sql(
                " RETURNING last_position, mails_comment_reply, mails_comment_like, reply_mails, \
                 reply_mails_since",
            );
        let row: Option<InboxRow> = self.first(statement).await?;
        Ok(row.map(|(position, mails_comment_reply, mails_comment_like, mails, since)| {
            let settings = NotificationSettings { mails_comment_reply, mails_comment_like };
            Inbox { position, settings, mails, mails_since: since.map(|at| at.0) }
        }))
    }

    /// Adds the like to the notification about likes of the same comment, or inserts this notification; returns `None`
    /// when the notification already contains the like.
    async fn push_like(
        &mut self,
        new: &NewNotification,
        actor: UserId,
        inbox: &Inbox,
    ) -> Result<Option<Current>, StoreError> {
        let query = notifications::table
            .filter(notifications::user_id.eq(DbUuid(new.receiver.as_uuid())))
            .filter(notifications::dedupe_key.eq(new.cause.dedupe_key()))
            .select((notifications::id, notifications::count, notifications::mailed_at));
        // The row is locked too, because the job that deletes notifications whose likes were all withdrawn does not
        // lock inboxes.
        let found: Option<(DbUuid, i64, Option<DbInstant>)> = self.first(for_update!(query)).await?;
        let Some((id, count, mailed_at)) = found else {
            if !self.insert_notification(new, inbox).await? {
                return Err(StoreError::failed("a notification was inserted without locking its inbox"));
            }
            self.insert_actor(new.id, actor, new.at).await?;
            return Ok(Some(Current { id: new.id, count: 1, mailed_at: None }));
        };
        let id = NotificationId::from_uuid(id.0);
        if !self.insert_actor(id, actor, new.at).await? {
            return Ok(None);
        }
        let count = count.saturating_add(1);
        let query = diesel::update(notifications::table.find(DbUuid(id.as_uuid()))).set((
            notifications::count.eq(count),
            notifications::actor_id.eq(Some(DbUuid(actor.as_uuid()))),
            notifications::position.eq(inbox.position),
            notifications::notified_at.eq(DbInstant(new.at)),
            notifications::read_at.eq(None::<DbInstant>),
        ));
        self.execute_one(query).await?;
        let count = u64::try_from(count).map_err(StoreError::failed)?;
        Ok(Some(Current { id, count, mailed_at: mailed_at.map(|at| at.0) }))
    }

    /// Inserts a notification; returns `false` when the receiver already has one for this cause.
    async fn insert_notification(
        &mut self,
        new: &NewNotification,
        inbox: &Inbox,
    ) -> Result<bool, StoreError> {
        let subject = Subject::from(&new.cause);
        let (removed_id, removed_name) = subject.removed_movie.unzip();
        let query = diesel::insert_into(notifications::table)
            .values((
                notifications::id.eq(DbUuid(new.id.as_uuid())),
                notifications::user_id.eq(DbUuid(new.receiver.as_uuid())),
                notifications::kind.eq(new.cause.kind().as_str().to_owned()),
                notifications::dedupe_key.eq(new.cause.dedupe_key()),
                notifications::position.eq(inbox.position),
                notifications::notified_at.eq(DbInstant(new.at)),
                notifications::actor_id.eq(subject.actor.map(|id| DbUuid(id.as_uuid()))),
                notifications::count.eq(1_i64),
                notifications::movie_id.eq(subject.movie.map(DbUuid)),
                notifications::removed_movie_id.eq(removed_id.map(DbUuid)),
                notifications::removed_movie_name.eq(removed_name),
                notifications::comment_id.eq(subject.comment.map(DbUuid)),
                notifications::order_id.eq(subject.order.map(DbUuid)),
            ))
            .on_conflict((notifications::user_id, notifications::dedupe_key))
            .do_nothing();
        Ok(self.execute(query).await? == 1)
    }

    /// Records that the notification contains an action of the user; returns `false` when this is already recorded.
    async fn insert_actor(
        &mut self,
        id: NotificationId,
        actor: UserId,
        at: Instant,
    ) -> Result<bool, StoreError> {
        let query = diesel::insert_into(notification_actors::table)
            .values((
                notification_actors::notification_id.eq(DbUuid(id.as_uuid())),
                notification_actors::user_id.eq(DbUuid(actor.as_uuid())),
                notification_actors::acted_at.eq(DbInstant(at)),
            ))
            .on_conflict((notification_actors::notification_id, notification_actors::user_id))
            .do_nothing();
        Ok(self.execute(query).await? == 1)
    }

    /// The content of the mail about the notification; `None` when the receiver is not active or has no valid address,
    /// or when the cause has no actor or no movie.
    async fn notification_mail(
        &mut self,
        new: &NewNotification,
        kind: MailedKind,
        pushed: &Current,
        inbox: &Inbox,
    ) -> Result<Option<NotificationMail>, StoreError> {
        let (Some(actor), Some(movie)) = (new.cause.actor(), Subject::from(&new.cause).movie) else {
            return Ok(None);
        };
        let mut statement = Statement::<MailTypes>::new(
            "SELECT u.email, p.first_name, p.last_name, m.name FROM users u JOIN movies m ON m.id = ",
        );
        statement
            .bind(movie)
            .sql(" LEFT JOIN user_profiles p ON p.user_id = ")
            .bind(actor.as_uuid())
            .sql(" WHERE u.is_active AND u.id = ")
            .bind(new.receiver.as_uuid());
        let row: Option<MailRow> = self.first(statement).await?;
        let Some((email, first_name, last_name, movie_name)) = row else { return Ok(None) };
        // A stored address that is no longer valid gets no mail, which is not an error.
        let Ok(to) = email.parse() else { return Ok(None) };
        Ok(Some(NotificationMail {
            id: pushed.id,
            kind,
            to,
            actor_name: public_name(actor, first_name.as_deref(), last_name.as_deref()),
            movie_name,
            count: pushed.count,
            mailed_at: pushed.mailed_at,
            recent_mails: inbox.recent_mails(new.at)?,
        }))
    }

    /// Removes a user's actions from the notifications of other users, because the user is being erased.
    pub(super) async fn forget_actor(&mut self, actor: UserId) -> Result<(), StoreError> {
        let mut statement = Statement::<(SqlId,)>::new("SELECT user_id FROM notifications WHERE actor_id = ");
        statement
            .bind(actor.as_uuid())
            .sql(
                " UNION SELECT n.user_id FROM notification_actors a JOIN notifications n \
                 ON n.id = a.notification_id WHERE a.user_id = ",
            )
            .bind(actor.as_uuid())
            .sql(" ORDER BY 1");
        let receivers: Vec<(DbUuid,)> = self.load(statement).await?;
        for (receiver,) in receivers {
            self.advance_inbox(UserId::from_uuid(receiver.0)).await?;
        }
        let mut statement = without_one(actor);
        statement
            .sql("id IN (SELECT notification_id FROM notification_actors WHERE user_id = ")
            .bind(actor.as_uuid())
            .sql(")");
        self.execute(statement).await?;
        // The notifications that still name this user as actor are about the user's replies, which are erased too.
        let rest = notifications::table.filter(notifications::actor_id.eq(DbUuid(actor.as_uuid())));
        self.execute(diesel::delete(rest)).await?;
        Ok(())
    }
}
