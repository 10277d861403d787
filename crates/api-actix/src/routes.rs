//! The routes in the OpenAPI document. An operation consists of an entry in this file and a handler; the document is
//! generated from both.

use domain::id::{CertificationKind, DirectorKind, GenreKind, StarKind};
use paperclip::actix::web::{self, ServiceConfig};

use crate::{
    accounts::{own_data, profile, sessions, signup, users},
    audit, cart,
    catalog::{self, facets, names, posters, suggestions},
    docs,
    engagement::{self, reports},
    health, library, media, notifications, orders, payments, problem,
};

/// Adds the operations of each path to a scope or configuration. If several paths match a request, the path that is
/// listed first serves the request.
macro_rules! operations {
    ($scope:expr; $($path:literal: $($method:ident $handler:expr),+;)+) => {
        $scope$(.service(web::resource($path)$(.route(web::$method().to($handler)))+))+
    };
}

/// Registers the documented routes in an app.
pub(crate) fn configure(config: &mut ServiceConfig) {
    let api = operations! {
        web::scope("/api/v1");
        "/accounts/register": post signup::register;
        "/accounts/activate": post signup::activate;
        "/accounts/resend-activation": post signup::resend_activation;
        "/accounts/login": post sessions::log_in;
        "/accounts/refresh": post sessions::refresh;
        "/accounts/logout": post sessions::log_out;
        "/accounts/password-reset": post sessions::request_password_reset;
        "/accounts/password-reset/confirm": post sessions::reset_password;
        "/users/me": get profile::show, delete own_data::delete;
        "/users/me/profile": patch profile::change;
        "/users/me/avatar": put profile::set_avatar, delete profile::remove_avatar;
        "/users/me/password": post sessions::change_password;
        "/users/me/sessions": get sessions::list, delete sessions::end_others;
        "/users/me/sessions/{id}": delete sessions::end;
        "/users/me/export": get own_data::export;
        "/users/me/notification-settings": get notifications::show_settings, patch notifications::change_settings;
        "/users": get users::list;
        "/users/{id}": get users::show, patch users::change;
        "/users/{id}/cart": get users::show_cart;
        "/admin/analytics/sales": get payments::sales::show;
        "/admin/audit": get audit::list;
        "/admin/disputes": get payments::disputes::list;
        "/admin/orders": get orders::list_all;
        "/admin/payments": get payments::list_all;
        "/admin/refund-requests": get payments::refund_requests::list_all;
        "/admin/refund-requests/{id}": patch payments::refund_requests::decide;
        "/movies": get catalog::list_movies, post catalog::create_movie;
        "/movies/suggestions": get suggestions::suggest;
        "/movies/facets": get facets::show;
        "/movies/{id}": get catalog::show_movie, patch catalog::change_movie, delete catalog::delete_movie;
        "/movies/{id}/poster": put posters::set, delete posters::remove;
        "/movies/{id}/similar": get catalog::list_similar;
        "/movies/{id}/reaction": put engagement::set_reaction, delete engagement::remove_reaction;
        "/movies/{id}/rating": put engagement::set_rating, delete engagement::remove_rating;
        "/movies/{id}/comments": get engagement::list_comments, post engagement::create_comment;
        "/comments/{id}/replies": get engagement::list_replies, post engagement::create_reply;
        "/comments/{id}/reports": post reports::report_comment;
        "/admin/comment-reports": get reports::list_reported_comments;
        "/admin/comment-reports/{id}": patch reports::decide_report;
        "/comments/{id}/like": put engagement::like_comment, delete engagement::unlike_comment;
        "/comments/{id}": patch engagement::update_comment, delete engagement::delete_comment;
        "/favorites": get catalog::list_favorites;
        "/favorites/{movie_id}": put engagement::add_favorite, delete engagement::remove_favorite;
        "/genres": get names::list_all::<GenreKind>, post names::create::<GenreKind>;
        "/genres/{id}": get names::show::<GenreKind>, patch names::change::<GenreKind>, delete names::delete::<GenreKind>;
        "/directors": get names::list::<DirectorKind>, post names::create::<DirectorKind>;
        "/directors/{id}": get names::show::<DirectorKind>, patch names::change::<DirectorKind>, delete names::delete::<DirectorKind>;
        "/stars": get names::list::<StarKind>, post names::create::<StarKind>;
        "/stars/{id}": get names::show::<StarKind>, patch names::change::<StarKind>, delete names::delete::<StarKind>;
        "/certifications": get names::list::<CertificationKind>, post names::create::<CertificationKind>;
        "/certifications/{id}": get names::show::<CertificationKind>, patch names::change::<CertificationKind>, delete names::delete::<CertificationKind>;
        "/notifications": get notifications::list;
        "/notifications/unread-count": get notifications::count_unread;
        "/notifications/read": post notifications::mark_read;
        "/notifications/stream": get notifications::open_stream;
        "/notifications/stream-tickets": post notifications::create_ticket;
        "/cart": get cart::show, delete cart::clear;
        "/cart/items": post cart::add;
        "/cart/items/{movie_id}": delete cart::remove;
        "/cart/merge": post cart::merge;
        "/library": get library::list;
        "/library/continue-watching": get library::list_started;
        "/library/{movie_id}/playback": get library::playback;
        "/library/{movie_id}/progress": put library::set_progress, delete library::remove_progress;
        "/library/{movie_id}/watched": put library::set_watched;
        "/orders": get orders::list, post orders::place;
        "/orders/{id}": get orders::show;
        "/orders/{id}/cancel": post orders::cancel;
        "/orders/{id}/payments": post payments::start;
        "/orders/{id}/refund-requests": get payments::refund_requests::list, post payments::refund_requests::create;
        "/payments": get payments::list;
        "/payments/webhooks/{provider}": post payments::receive;
        "/payments/{id}": get payments::show;
        "/payments/{id}/refunds": get payments::refunds::list, post payments::refunds::create;
    };
    operations! {
        config.service(api);
        "/health/live": get health::live;
        "/health/ready": get health::ready;
        "/openapi.json": get docs::document;
        "/docs": get docs::page;
        "/problems/{code}": get problem::page::show;
        "/media/avatars/{file}": get media::avatar;
        "/media/posters/{id}/{file}": get media::poster;
    };
}
