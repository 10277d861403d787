-- The comments that users reported to the moderators, with one row for each comment. If the author deletes the comment before
-- a moderator has decided about it, the row is deleted. After a decision, the row is kept even if the comment is deleted.
CREATE TABLE reported_comments (
    id UUID PRIMARY KEY,
    -- There is no foreign key, because a decided row is kept after its comment was deleted.
    comment_id UUID NOT NULL UNIQUE,
    movie_id UUID NOT NULL REFERENCES movies (id) ON DELETE CASCADE,
    -- The time of the latest report by a user who had not reported the comment before.
    reported_at TIMESTAMPTZ NOT NULL,
    decision TEXT CHECK (decision IN ('remove', 'dismiss')),
    decided_at TIMESTAMPTZ,
    CHECK ((decision IS NULL) = (decided_at IS NULL))
);
CREATE INDEX reported_comments_movie_id ON reported_comments (movie_id);
CREATE INDEX reported_comments_by_time ON reported_comments (reported_at, id);
CREATE INDEX reported_comments_open ON reported_comments (reported_at, id) WHERE decision IS NULL;

-- The reports of users. A user can report a comment once.
CREATE TABLE comment_reports (
    reported_comment_id UUID NOT NULL REFERENCES reported_comments (id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users (id),
    reason TEXT NOT NULL CHECK (reason IN ('spam', 'abuse', 'spoiler', 'other')),
    note TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (reported_comment_id, user_id)
);
CREATE INDEX comment_reports_by_time ON comment_reports (reported_comment_id, created_at, user_id);
CREATE INDEX comment_reports_user_id ON comment_reports (user_id);
