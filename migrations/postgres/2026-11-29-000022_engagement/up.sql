-- Reactions, ratings, favourites and comments of users. The transaction that changes such a row also changes the counters
-- in `movies` and `comments`.

CREATE TABLE movie_reactions (
    user_id UUID NOT NULL REFERENCES users (id),
    movie_id UUID NOT NULL REFERENCES movies (id) ON DELETE CASCADE,
    value TEXT NOT NULL CHECK (value IN ('like', 'dislike')),
    reacted_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, movie_id)
);
CREATE INDEX movie_reactions_movie_id ON movie_reactions (movie_id);

CREATE TABLE movie_ratings (
    user_id UUID NOT NULL REFERENCES users (id),
    movie_id UUID NOT NULL REFERENCES movies (id) ON DELETE CASCADE,
    score SMALLINT NOT NULL CHECK (score BETWEEN 1 AND 10),
    rated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, movie_id)
);
CREATE INDEX movie_ratings_movie_id ON movie_ratings (movie_id);

CREATE TABLE favorites (
    user_id UUID NOT NULL REFERENCES users (id),
    movie_id UUID NOT NULL REFERENCES movies (id) ON DELETE CASCADE,
    added_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, movie_id)
);
CREATE INDEX favorites_movie_id ON favorites (movie_id);
CREATE INDEX favorites_by_added_at ON favorites (user_id, added_at, movie_id);

CREATE TABLE comments (
    id UUID PRIMARY KEY,
    movie_id UUID NOT NULL REFERENCES movies (id) ON DELETE CASCADE,
    -- The first comment of the thread, or NULL if this is the first comment.
    thread_id UUID REFERENCES comments (id) ON DELETE CASCADE,
    -- The author. Author and text are NULL if the comment was deleted and the row is only kept for its replies.
    user_id UUID REFERENCES users (id),
    text TEXT,
    likes BIGINT NOT NULL DEFAULT 0 CHECK (likes >= 0),
    replies_count BIGINT NOT NULL DEFAULT 0 CHECK (replies_count >= 0),
    created_at TIMESTAMPTZ NOT NULL,
    edited_at TIMESTAMPTZ,
    CHECK ((user_id IS NULL) = (text IS NULL))
);
CREATE INDEX comments_of_movie ON comments (movie_id, created_at, id) WHERE thread_id IS NULL;
CREATE INDEX comments_movie_id ON comments (movie_id, user_id);
CREATE INDEX comments_of_thread ON comments (thread_id, created_at, id);
CREATE INDEX comments_user_id ON comments (user_id);

CREATE TABLE comment_likes (
    user_id UUID NOT NULL REFERENCES users (id),
    comment_id UUID NOT NULL REFERENCES comments (id) ON DELETE CASCADE,
    liked_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, comment_id)
);
CREATE INDEX comment_likes_comment_id ON comment_likes (comment_id);
