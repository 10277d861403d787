-- Profiles of users.

CREATE TABLE user_profiles (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    first_name VARCHAR(100),
    last_name VARCHAR(100),
    -- The key of the stored picture.
    avatar VARCHAR(255),
    gender VARCHAR(10) CHECK (gender IN ('man', 'woman', 'other')),
    date_of_birth DATE,
    info TEXT
);
