-- Notifications of users, and their settings.
-- The column `user_id` (the receiver) of the first two tables has no foreign key to `users`: a foreign key would lock the
-- receiver's row for each notification, and two users who notify each other simultaneously would deadlock. It is not needed,
-- because rows of `users` are never deleted.

-- One row for each user who was notified or changed a setting. Every change of the user's notifications locks this row.
CREATE TABLE notification_inboxes (
    user_id UUID PRIMARY KEY,
    -- Increases with every change of the user's notifications, in the order in which the changes become visible.
    last_position BIGINT NOT NULL DEFAULT 0 CHECK (last_position >= 0),
    mails_comment_reply BOOLEAN NOT NULL DEFAULT TRUE,
    mails_comment_like BOOLEAN NOT NULL DEFAULT TRUE
);

CREATE TABLE notifications (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL,
    kind TEXT NOT NULL CHECK (
        kind IN ('comment_reply', 'comment_like', 'order_paid', 'order_refunded', 'movie_removed_from_cart')
    ),
    -- Identifies the cause. A user has at most one notification for each cause.
    dedupe_key TEXT COLLATE "C" NOT NULL,
    -- The position of the last change of this notification among all changes of the user's notifications.
    position BIGINT NOT NULL,
    notified_at TIMESTAMPTZ NOT NULL,
    read_at TIMESTAMPTZ,
    mailed_at TIMESTAMPTZ,
    -- The user who acted last. There is no foreign key, because its check would lock the row of this user, in an order that
    -- can lead to a deadlock.
    actor_id UUID,
    -- The number of actions, such as likes of one comment, that this notification combines. 0 if all of them were reverted;
    -- the row is then kept because `mailed_at` shows that a mail was already sent.
    count BIGINT NOT NULL CHECK (count >= 0),
    movie_id UUID REFERENCES movies (id) ON DELETE CASCADE,
    -- The identifier and the name of a movie that was deleted.
    removed_movie_id UUID,
    removed_movie_name TEXT,
    comment_id UUID,
    order_id UUID,
    UNIQUE (user_id, dedupe_key)
);
CREATE INDEX notifications_by_position ON notifications (user_id, position, id) WHERE count > 0;
CREATE INDEX notifications_unread ON notifications (user_id, position, id) WHERE read_at IS NULL AND count > 0;
CREATE INDEX notifications_actor_id ON notifications (actor_id);
CREATE INDEX notifications_movie_id ON notifications (movie_id);
CREATE INDEX notifications_comment_id ON notifications (comment_id);
CREATE INDEX notifications_withdrawn ON notifications (notified_at) WHERE count = 0;

-- The users whose actions a notification combines.
CREATE TABLE notification_actors (
    notification_id UUID NOT NULL REFERENCES notifications (id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users (id),
    acted_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (notification_id, user_id)
);
CREATE INDEX notification_actors_user_id ON notification_actors (user_id);

-- Tickets, each of which opens one live stream.
CREATE TABLE stream_tickets (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id),
    session_id UUID NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    -- The SHA-256 of the ticket, in hexadecimal.
    token VARCHAR(64) COLLATE "C" NOT NULL UNIQUE,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX stream_tickets_user_id ON stream_tickets (user_id);
CREATE INDEX stream_tickets_session_id ON stream_tickets (session_id);
CREATE INDEX stream_tickets_expires_at ON stream_tickets (expires_at);
