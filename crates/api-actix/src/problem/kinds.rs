//! The registry of all kinds of problems that the API can return.
//!
//! A code is part of the API and is never renamed. The page at the `type` URL of a problem shows the explanation in
//! this file.

/// One kind of problem.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The HTTP status.
    pub status: u16,
    /// The stable code for programs, which never changes.
    pub code: &'static str,
    /// A short name for human readers.
    pub title: &'static str,
    /// What happened and what to do.
    pub explanation: &'static str,
}

impl Kind {
    /// Returns the last path segment of the URL of the page that explains the problem.
    #[must_use]
    pub fn slug(&self) -> String {
        self.code.replace('_', "-")
    }

    /// Returns the kind for an error response of which only the status is known, such as an error of the router.
    #[must_use]
    pub fn of_status(status: u16) -> &'static Self {
        match status {
            401 => &UNAUTHENTICATED,
            403 => &FORBIDDEN,
            404 => &NOT_FOUND,
            405 => &METHOD_NOT_ALLOWED,
            406 => &NOT_ACCEPTABLE,
            412 => &PRECONDITION_FAILED,
            413 => &TOO_LARGE,
            415 => &UNSUPPORTED_MEDIA_TYPE,
            422 => &VALIDATION_FAILED,
            429 => &RATE_LIMITED,
            503 => &UNAVAILABLE,
            400..=499 => &MALFORMED_REQUEST,
            _ => &INTERNAL,
        }
    }

    /// Returns the kind with this slug; `None` if there is none.
    #[must_use]
    pub fn of_slug(slug: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|kind| kind.slug() == slug)
    }
}

macro_rules! kinds {
    ($($name:ident = $status:literal $code:literal $title:literal $explanation:literal;)*) => {
        $(
            #[doc = concat!("`", $code, "`: ", $explanation)]
            pub static $name: Kind =
                Kind { status: $status, code: $code, title: $title, explanation: $explanation };
        )*

        /// All kinds.
        pub static ALL: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    MALFORMED_REQUEST = 400 "malformed_request" "Malformed request"
        "The request could not be read: its body is not JSON, or an identifier in its path is not a UUID.";
    CURSOR_INVALID = 400 "cursor_invalid" "Invalid cursor"
        "The cursor was not created by this server, or was created for another sort order or other filters. Start again from the first page.";
    USE_CURSOR = 400 "use_cursor" "Page too deep"
        "Pages that begin at item 10,000 or later cannot be requested by number. Follow `next_cursor` instead, or narrow the filters.";
    TOKEN_INVALID = 400 "token_invalid" "Invalid token"
        "The link's token is unknown or was used before. Ask for a new one.";
    TOKEN_EXPIRED = 400 "token_expired" "Expired token"
        "The link's token is too old. Ask for a new one.";
    SIGNATURE_INVALID = 400 "signature_invalid" "Invalid signature"
        "The webhook was not signed by the payment provider, or its timestamp differs from the server's time by more than 300 seconds.";
    UNAUTHENTICATED = 401 "unauthenticated" "Sign-in needed"
        "This needs a signed-in user. Send `Authorization: Bearer` with an access token.";
    ACCESS_TOKEN_INVALID = 401 "access_token_invalid" "Invalid access token"
        "The access token was not issued by this server, or its session or account has ended. Log in again.";
    ACCESS_TOKEN_EXPIRED = 401 "access_token_expired" "Expired access token"
        "The access token has expired. Refresh it and repeat the request.";
    REFRESH_TOKEN_INVALID = 401 "refresh_token_invalid" "Invalid refresh token"
        "The refresh token is unknown, expired, ended or was used before. Log in again.";
    TICKET_INVALID = 401 "ticket_invalid" "Invalid ticket"
        "The ticket is unknown, was used before or is older than 60 seconds, or its session has ended. Get a new one.";
    INVALID_CREDENTIALS = 401 "invalid_credentials" "Wrong email or password"
        "No account has this email and password.";
    FORBIDDEN = 403 "forbidden" "Not allowed"
        "The signed-in user may not do this.";
    ACCOUNT_INACTIVE = 403 "account_inactive" "Account not active"
        "The account is not activated yet. Follow the link in the activation mail, or ask for a new one.";
    ACCOUNT_DEACTIVATED = 403 "account_deactivated" "Account deactivated"
        "An administrator has deactivated the account.";
    PURCHASE_SUSPENDED = 403 "purchase_suspended" "Purchase suspended"
        "The payment of the movie is disputed. The movie can be watched again when the dispute has ended without a loss.";
    PLAYBACK_DENIED = 403 "playback_denied" "Playback denied"
        "The address has expired or was altered, or its purchase has ended or is suspended. Ask for the playback of the movie again.";
    NOT_FOUND = 404 "not_found" "Not found"
        "The resource does not exist, or the caller may not see it.";
    METHOD_NOT_ALLOWED = 405 "method_not_allowed" "Method not allowed"
        "This address does not support this method. The `Allow` header lists the supported methods.";
    NOT_ACCEPTABLE = 406 "not_acceptable" "Not acceptable"
        "The answer is JSON, which the `Accept` header excludes.";
    EMAIL_TAKEN = 409 "email_taken" "Email already registered"
        "An account with this email exists. Log in, or reset its password.";
    ALREADY_IN_CART = 409 "already_in_cart" "Already in the cart"
        "The movie is in the cart already.";
    ALREADY_PURCHASED = 409 "already_purchased" "Already bought"
        "The caller has bought this movie already.";
    MOVIE_UNAVAILABLE = 409 "movie_unavailable" "Movie not on sale"
        "The movie was withdrawn from sale.";
    CART_FULL = 409 "cart_full" "Cart full"
        "A cart holds at most 100 movies.";
    COMMENT_DELETED = 409 "comment_deleted" "Comment deleted"
        "The comment was deleted. It is kept without text and author only because it has replies.";
    ALREADY_DECIDED = 409 "already_decided" "Already decided"
        "The reported comment or the refund request has already been decided.";
    CART_EMPTY = 409 "cart_empty" "Cart empty"
        "The cart is empty, so there is nothing to order.";
    NOTHING_TO_ORDER = 409 "nothing_to_order" "Nothing to order"
        "Every movie in the cart was bought or withdrawn from sale.";
    ORDER_PENDING = 409 "order_pending" "Order pending"
        "A pending order holds one of the movies, or belongs to the account that is to be deleted. Pay or cancel it first.";
    ORDER_PAID = 409 "order_paid" "Order paid"
        "The order was paid, so it cannot be canceled. Ask for a refund instead.";
    ORDER_NOT_PENDING = 409 "order_not_pending" "Order not pending"
        "The order was paid or canceled, so it cannot be paid.";
    PRICE_CHANGED = 409 "price_changed" "Price changed"
        "A price changed since the order was made, or the accepted total is not the current total. `old_total`, `new_total` and `items` contain the prices; repeat with `accept_total` to accept the new total.";
    AMOUNT_TOO_SMALL = 409 "amount_too_small" "Amount too small"
        "The amount is below the `minimum` of the payment provider.";
    AMOUNT_UNSUPPORTED = 409 "amount_unsupported" "Amount not supported"
        "The payment provider cannot take exactly this amount.";
    PAYMENT_PROCESSING = 409 "payment_processing" "Payment being processed"
        "A payment is being processed. Wait until it has succeeded or failed.";
    PAYMENT_NOT_PAID = 409 "payment_not_paid" "Payment not paid"
        "No money of the payment arrived, so nothing can be refunded.";
    PAYMENT_DISPUTED = 409 "payment_disputed" "Payment disputed"
        "A dispute of the payment is open at the buyer's bank. Wait until it is decided.";
    ALREADY_REFUNDED = 409 "already_refunded" "Already refunded"
        "The movies or the payment were already refunded, or a refund is pending.";
    REFUND_EXCEEDS_PAYMENT = 409 "refund_exceeds_payment" "Refund exceeds the payment"
        "The refund is larger than the remaining amount of the payment. To refund the remaining amount, omit `items`.";
    ORDER_NOT_PAID = 409 "order_not_paid" "Order not paid"
        "A refund can be asked for only while the order is paid or partially refunded.";
    REFUND_REQUESTED = 409 "refund_requested" "Refund requested"
        "Another request for a refund of one of the movies is open.";
    MOVIE_EXISTS = 409 "movie_exists" "Movie exists"
        "A movie of this name, year and duration exists already.";
    EXTERNAL_ID_TAKEN = 409 "external_id_taken" "Identifier taken"
        "Another movie has this `imdb_id` or `tmdb_id`.";
    MOVIE_PURCHASED = 409 "movie_purchased" "Movie was bought"
        "The movie was bought, so it cannot be deleted. Withdraw it from sale instead.";
    MOVIE_IN_ORDERS = 409 "movie_in_orders" "Movie is in orders"
        "The movie is part of an order, so it cannot be deleted. Withdraw it from sale instead.";
    MOVIE_IN_CARTS = 409 "movie_in_carts" "Movie is in carts"
        "The movie is in carts; `carts` is their number. Repeat with `force=true` to remove it from them.";
    NAME_TAKEN = 409 "name_taken" "Name taken"
        "Another entry of this kind has this name.";
    IN_USE = 409 "in_use" "In use"
        "Movies refer to this genre, director, star or certification, so it cannot be deleted.";
    LAST_ADMIN = 409 "last_admin" "Last administrator"
        "The last active administrator cannot be demoted, deactivated or deleted.";
    REQUEST_IN_PROGRESS = 409 "request_in_progress" "Still running"
        "The first request with this `Idempotency-Key` is still running. Repeat the request in a moment.";
    MEDIA_MISSING = 409 "media_missing" "No file yet"
        "The movie has no file yet, so it cannot be watched.";
    PRECONDITION_FAILED = 412 "precondition_failed" "Changed meanwhile"
        "The resource was changed after the version named in `If-Match`. Read it again and repeat the change.";
    TOO_LARGE = 413 "too_large" "Body too large"
        "A request body may have at most 64 KiB, a webhook of a payment provider 256 KiB, an avatar 2 MiB, a poster 10 MiB, and the form of a page 16 KiB.";
    UNSUPPORTED_MEDIA_TYPE = 415 "unsupported_media_type" "Unsupported media type"
        "The body does not have the required type: `application/json` in UTF-8, for a PATCH also `application/merge-patch+json`; for an upload `multipart/form-data` with a JPEG, PNG or WebP picture; for a page of the server `application/x-www-form-urlencoded`.";
    RANGE_NOT_SATISFIABLE = 416 "range_not_satisfiable" "Range not satisfiable"
        "The file has none of the bytes that `Range` asks for. `Content-Range` contains its length.";
    VALIDATION_FAILED = 422 "validation_failed" "Invalid values"
        "The request was understood, but some of its values are not acceptable. `errors` names them; after 50 of them, its last entry says how many more there are.";
    IDEMPOTENCY_KEY_REUSED = 422 "idempotency_key_reused" "Idempotency key reused"
        "This `Idempotency-Key` was sent with another body before. A new request needs a new key.";
    RATE_LIMITED = 429 "rate_limited" "Too many requests"
        "Too many requests were sent. Wait as long as `Retry-After` says.";
    INTERNAL = 500 "internal" "Internal error"
        "The server failed. The error was logged with the request id.";
    PAYMENT_PROVIDER_FAILED = 502 "payment_provider_failed" "Payment provider failed"
        "The payment provider failed, or its answer is not known. It is safe to repeat the request after the time in `Retry-After`.";
    UNAVAILABLE = 503 "unavailable" "Temporarily unavailable"
        "The server is overloaded, or its database cannot be reached. Repeat the request after the time in `Retry-After`.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_can_be_found_by_their_slugs() {
        let mut seen = std::collections::BTreeSet::new();
        for kind in ALL {
            assert!(seen.insert(kind.code), "{} occurs twice", kind.code);
            assert!(kind.code.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", kind.code);
            assert_eq!(Kind::of_slug(&kind.slug()), Some(*kind));
        }
    }

    #[test]
    fn a_status_without_a_problem_gets_a_kind_with_the_same_status_if_there_is_one() {
        for status in [401, 403, 404, 405, 406, 412, 413, 415, 422, 429, 500, 503] {
            assert_eq!(Kind::of_status(status).status, status);
        }
    }
}
