//! The tables, as Diesel knows them.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    users (id) {
        id -> Binary,
        email -> Text,
        email_key -> Text,
        hashed_password -> Text,
        is_password_contested -> Bool,
        is_active -> Bool,
        version -> BigInt,
        group_id -> Binary,
        created_at -> BigInt,
        updated_at -> BigInt,
        activated_at -> Nullable<BigInt>,
        deleted_at -> Nullable<BigInt>,
    }
}

table! {
    activation_tokens (id) {
        id -> Binary,
        user_id -> Binary,
        token -> Text,
        expires_at -> BigInt,
    }
}

table! {
    password_reset_tokens (id) {
        id -> Binary,
        user_id -> Binary,
        token -> Text,
        expires_at -> BigInt,
    }
}

table! {
    sessions (id) {
        id -> Binary,
        user_id -> Binary,
        user_agent -> Nullable<Text>,
        ip -> Nullable<Text>,
        created_at -> BigInt,
        last_used_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

table! {
    refresh_tokens (id) {
        id -> Binary,
        user_id -> Binary,
        session_id -> Binary,
        token -> Text,
        issued_at -> BigInt,
        expires_at -> BigInt,
        rotated_at -> Nullable<BigInt>,
    }
}

table! {
    movies (id) {
        id -> Binary,
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
        certification_id -> Binary,
        poster_url -> Nullable<Text>,
        is_available -> Bool,
        popularity -> Double,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

table! {
    movie_genres (movie_id, genre_id) {
        movie_id -> Binary,
        genre_id -> Binary,
        position -> Integer,
    }
}

table! {
    movie_directors (movie_id, director_id) {
        movie_id -> Binary,
        director_id -> Binary,
        position -> Integer,
    }
}

table! {
    movie_stars (movie_id, star_id) {
        movie_id -> Binary,
        star_id -> Binary,
        position -> Integer,
    }
}

table! {
    carts (id) {
        id -> Binary,
        user_id -> Binary,
    }
}

table! {
    cart_items (id) {
        id -> Binary,
        cart_id -> Binary,
        movie_id -> Binary,
        added_at -> BigInt,
    }
}

table! {
    purchases (id) {
        id -> Binary,
        user_id -> Binary,
        movie_id -> Binary,
        purchased_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
    }
}

table! {
    outbox (id) {
        id -> Binary,
        dedupe_key -> Text,
        kind -> Text,
        payload -> Binary,
        available_at -> BigInt,
        attempts -> Integer,
        locked_until -> Nullable<BigInt>,
        created_at -> BigInt,
        sent_at -> Nullable<BigInt>,
        dead_at -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
        user_id -> Nullable<Binary>,
    }
}

table! {
    user_profiles (id) {
        id -> Binary,
        user_id -> Binary,
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
        id -> Binary,
        created_at -> BigInt,
        action -> Text,
        actor_id -> Nullable<Binary>,
        object_kind -> Nullable<Text>,
        object_id -> Nullable<Binary>,
        before -> Nullable<Text>,
        after -> Nullable<Text>,
        ip -> Nullable<Text>,
        request_id -> Nullable<Text>,
    }
}

table! {
    known_devices (user_id, device) {
        user_id -> Binary,
        device -> Text,
        first_seen_at -> BigInt,
        last_seen_at -> BigInt,
    }
}

joinable!(sessions -> users (user_id));
allow_tables_to_appear_in_same_query!(users, sessions);
allow_tables_to_appear_in_same_query!(carts, cart_items);
