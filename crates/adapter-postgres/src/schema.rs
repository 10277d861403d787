//! The tables, as Diesel knows them.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    users (id) {
        id -> Uuid,
        email -> Text,
        email_key -> Text,
        hashed_password -> Text,
        is_password_contested -> Bool,
        is_active -> Bool,
        version -> BigInt,
        group_id -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        activated_at -> Nullable<Timestamptz>,
        deleted_at -> Nullable<Timestamptz>,
    }
}

table! {
    activation_tokens (id) {
        id -> Uuid,
        user_id -> Uuid,
        token -> Text,
        expires_at -> Timestamptz,
    }
}

table! {
    password_reset_tokens (id) {
        id -> Uuid,
        user_id -> Uuid,
        token -> Text,
        expires_at -> Timestamptz,
    }
}

table! {
    sessions (id) {
        id -> Uuid,
        user_id -> Uuid,
        user_agent -> Nullable<Text>,
        ip -> Nullable<Text>,
        created_at -> Timestamptz,
        last_used_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

table! {
    refresh_tokens (id) {
        id -> Uuid,
        user_id -> Uuid,
        session_id -> Uuid,
        token -> Text,
        issued_at -> Timestamptz,
        expires_at -> Timestamptz,
        rotated_at -> Nullable<Timestamptz>,
    }
}

table! {
    movies (id) {
        id -> Uuid,
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
        certification_id -> Uuid,
        poster_url -> Nullable<Text>,
        is_available -> Bool,
        popularity -> Double,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

table! {
    movie_genres (movie_id, genre_id) {
        movie_id -> Uuid,
        genre_id -> Uuid,
        position -> Integer,
    }
}

table! {
    movie_directors (movie_id, director_id) {
        movie_id -> Uuid,
        director_id -> Uuid,
        position -> Integer,
    }
}

table! {
    movie_stars (movie_id, star_id) {
        movie_id -> Uuid,
        star_id -> Uuid,
        position -> Integer,
    }
}

table! {
    carts (id) {
        id -> Uuid,
        user_id -> Uuid,
    }
}

table! {
    cart_items (id) {
        id -> Uuid,
        cart_id -> Uuid,
        movie_id -> Uuid,
        added_at -> Timestamptz,
    }
}

table! {
    purchases (id) {
        id -> Uuid,
        user_id -> Uuid,
        movie_id -> Uuid,
        purchased_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
    }
}

table! {
    outbox (id) {
        id -> Uuid,
        dedupe_key -> Text,
        kind -> Text,
        payload -> Binary,
        available_at -> Timestamptz,
        attempts -> Integer,
        locked_until -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        sent_at -> Nullable<Timestamptz>,
        dead_at -> Nullable<Timestamptz>,
        last_error -> Nullable<Text>,
        user_id -> Nullable<Uuid>,
    }
}

table! {
    user_profiles (id) {
        id -> Uuid,
        user_id -> Uuid,
        first_name -> Nullable<Text>,
        last_name -> Nullable<Text>,
        avatar -> Nullable<Text>,
        gender -> Nullable<Text>,
        date_of_birth -> Nullable<Date>,
        info -> Nullable<Text>,
    }
}

table! {
    audit_log (id) {
        id -> Uuid,
        created_at -> Timestamptz,
        action -> Text,
        actor_id -> Nullable<Uuid>,
        object_kind -> Nullable<Text>,
        object_id -> Nullable<Uuid>,
        before -> Nullable<Text>,
        after -> Nullable<Text>,
        ip -> Nullable<Text>,
        request_id -> Nullable<Text>,
    }
}

table! {
    known_devices (user_id, device) {
        user_id -> Uuid,
        device -> Text,
        first_seen_at -> Timestamptz,
        last_seen_at -> Timestamptz,
    }
}

joinable!(sessions -> users (user_id));
allow_tables_to_appear_in_same_query!(users, sessions);
allow_tables_to_appear_in_same_query!(carts, cart_items);
