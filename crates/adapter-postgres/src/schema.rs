//! The Diesel definitions of the tables that are written with Diesel's query builder. `adapter-sqlite` compiles this
//! file too; the types that differ between the databases are in `crate::dialect`.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, SmallInt, Text};
    use crate::dialect::{SqlId, SqlInstant};

    users (id) {
        id -> SqlId,
        email -> Text,
        email_key -> Text,
        email_key_version -> SmallInt,
        hashed_password -> Text,
        is_password_contested -> Bool,
        is_active -> Bool,
        version -> BigInt,
        group_id -> SqlId,
        created_at -> SqlInstant,
        updated_at -> SqlInstant,
        activated_at -> Nullable<SqlInstant>,
        deleted_at -> Nullable<SqlInstant>,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::dialect::{SqlId, SqlInstant};

    activation_tokens (id) {
        id -> SqlId,
        user_id -> SqlId,
        token -> Text,
        expires_at -> SqlInstant,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::dialect::{SqlId, SqlInstant};

    password_reset_tokens (id) {
        id -> SqlId,
        user_id -> SqlId,
        token -> Text,
        expires_at -> SqlInstant,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::dialect::{SqlId, SqlInstant};

    sessions (id) {
        id -> SqlId,
        user_id -> SqlId,
        user_agent -> Nullable<Text>,
        ip -> Nullable<Text>,
        created_at -> SqlInstant,
        last_used_at -> SqlInstant,
        expires_at -> SqlInstant,
        ended_at -> Nullable<SqlInstant>,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::dialect::{SqlId, SqlInstant};

    refresh_tokens (id) {
        id -> SqlId,
        user_id -> SqlId,
        session_id -> SqlId,
        token -> Text,
        issued_at -> SqlInstant,
        expires_at -> SqlInstant,
        rotated_at -> Nullable<SqlInstant>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Bool, Double, Integer, Nullable, Text};
    use crate::dialect::{SqlId, SqlInstant};

    movies (id) {
        id -> SqlId,
        name -> Text,
        name_key -> Text,
        year -> Integer,
        duration_minutes -> Integer,
        imdb -> Double,
        votes -> BigInt,
        meta_score -> Nullable<Double>,
        gross -> Nullable<BigInt>,
        description -> Text,
        price_minor -> BigInt,
        price_currency -> Text,
        certification_id -> SqlId,
        poster_url -> Nullable<Text>,
        sort_name -> Nullable<Text>,
        sort_key -> Text,
        imdb_id -> Nullable<Text>,
        tmdb_id -> Nullable<BigInt>,
        trailer_url -> Nullable<Text>,
        poster_id -> Nullable<SqlId>,
        poster_width -> Nullable<Integer>,
        is_available -> Bool,
        filter_bits -> BigInt,
        popularity -> Double,
        version -> BigInt,
        created_at -> SqlInstant,
        updated_at -> SqlInstant,
    }
}

table! {
    use diesel::sql_types::Integer;
    use crate::dialect::SqlId;

    movie_genres (movie_id, genre_id) {
        movie_id -> SqlId,
        genre_id -> SqlId,
        position -> Integer,
    }
}

table! {
    use diesel::sql_types::Integer;
    use crate::dialect::SqlId;

    movie_directors (movie_id, director_id) {
        movie_id -> SqlId,
        director_id -> SqlId,
        position -> Integer,
    }
}

table! {
    use diesel::sql_types::Integer;
    use crate::dialect::SqlId;

    movie_stars (movie_id, star_id) {
        movie_id -> SqlId,
        star_id -> SqlId,
        position -> Integer,
    }
}

table! {
    use crate::dialect::SqlId;

    carts (id) {
        id -> SqlId,
        user_id -> SqlId,
    }
}

table! {
    use crate::dialect::{SqlId, SqlInstant};

    cart_items (id) {
        id -> SqlId,
        cart_id -> SqlId,
        movie_id -> SqlId,
        added_at -> SqlInstant,
    }
}

table! {
    use diesel::sql_types::Nullable;
    use crate::dialect::{SqlId, SqlInstant};

    purchases (id) {
        id -> SqlId,
        user_id -> SqlId,
        movie_id -> SqlId,
        purchased_at -> SqlInstant,
        revoked_at -> Nullable<SqlInstant>,
        suspended_at -> Nullable<SqlInstant>,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer, Nullable, Text};
    use crate::dialect::{SqlId, SqlInstant};

    outbox (id) {
        id -> SqlId,
        dedupe_key -> Text,
        kind -> Text,
        payload -> Binary,
        available_at -> SqlInstant,
        attempts -> Integer,
        locked_until -> Nullable<SqlInstant>,
        created_at -> SqlInstant,
        sent_at -> Nullable<SqlInstant>,
        dead_at -> Nullable<SqlInstant>,
        last_error -> Nullable<Text>,
        user_id -> Nullable<SqlId>,
    }
}

table! {
    use diesel::sql_types::{Date, Nullable, Text};
    use crate::dialect::SqlId;

    user_profiles (id) {
        id -> SqlId,
        user_id -> SqlId,
        first_name -> Nullable<Text>,
        last_name -> Nullable<Text>,
        avatar -> Nullable<Text>,
        gender -> Nullable<Text>,
        date_of_birth -> Nullable<Date>,
        info -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::dialect::{SqlId, SqlInstant};

    audit_seals (number) {
        number -> BigInt,
        sealed_at -> SqlInstant,
        until_at -> SqlInstant,
        until_id -> SqlId,
        row_count -> BigInt,
        digest -> Text,
        tag -> Text,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::dialect::{SqlId, SqlInstant};

    known_devices (user_id, device) {
        user_id -> SqlId,
        device -> Text,
        first_seen_at -> SqlInstant,
        last_seen_at -> SqlInstant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::dialect::{SqlId, SqlInstant};

    notifications (id) {
        id -> SqlId,
        user_id -> SqlId,
        kind -> Text,
        dedupe_key -> Text,
        position -> BigInt,
        notified_at -> SqlInstant,
        read_at -> Nullable<SqlInstant>,
        mailed_at -> Nullable<SqlInstant>,
        actor_id -> Nullable<SqlId>,
        count -> BigInt,
        movie_id -> Nullable<SqlId>,
        removed_movie_id -> Nullable<SqlId>,
        removed_movie_name -> Nullable<Text>,
        comment_id -> Nullable<SqlId>,
        order_id -> Nullable<SqlId>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Bool, Nullable};
    use crate::dialect::{SqlId, SqlInstant};

    notification_inboxes (user_id) {
        user_id -> SqlId,
        last_position -> BigInt,
        mails_comment_reply -> Bool,
        mails_comment_like -> Bool,
        reply_mails -> BigInt,
        reply_mails_since -> Nullable<SqlInstant>,
    }
}

table! {
    use crate::dialect::{SqlId, SqlInstant};

    notification_actors (notification_id, user_id) {
        notification_id -> SqlId,
        user_id -> SqlId,
        acted_at -> SqlInstant,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::dialect::{SqlId, SqlInstant};

    stream_tickets (id) {
        id -> SqlId,
        user_id -> SqlId,
        session_id -> SqlId,
        token -> Text,
        expires_at -> SqlInstant,
    }
}

joinable!(sessions -> users (user_id));
joinable!(cart_items -> carts (cart_id));
allow_tables_to_appear_in_same_query!(users, sessions);
allow_tables_to_appear_in_same_query!(carts, cart_items);
