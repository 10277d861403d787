DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP TABLE password_reset_tokens;
DROP TABLE activation_tokens;
DROP TABLE users;
DROP TABLE user_groups;
