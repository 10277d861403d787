-- Profiles of users. Dates have the format YYYY-MM-DD.

CREATE TABLE user_profiles (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    first_name TEXT,
    last_name TEXT,
    -- The key of the stored picture.
    avatar TEXT,
    gender TEXT CHECK (gender IN ('man', 'woman', 'other')),
    date_of_birth TEXT,
    info TEXT
) STRICT;
