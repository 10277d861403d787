//! Every documented route. Whatever stands here stands in the OpenAPI document too.

use paperclip::actix::web::{self, ServiceConfig};

use crate::{
    accounts,
    accounts::{own, profile},
    audit, cart, catalog, docs, health, media, personal_data, problem, users,
};

/// Puts the documented routes on an app.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(web::resource("/health/live").route(web::get().to(health::live)))
        .service(web::resource("/health/ready").route(web::get().to(health::ready)))
        .service(web::resource("/openapi.json").route(web::get().to(docs::document)))
        .service(web::resource("/docs").route(web::get().to(docs::page)))
        .service(web::resource("/problems/{code}").route(web::get().to(problem::page::show)))
        .service(web::resource("/media/avatars/{file}").route(web::get().to(media::avatar)))
        .service(
            web::scope("/api/v1")
                .service(web::resource("/accounts/register").route(web::post().to(accounts::register)))
                .service(web::resource("/accounts/activate").route(web::post().to(accounts::activate)))
                .service(
                    web::resource("/accounts/resend-activation")
                        .route(web::post().to(accounts::resend_activation)),
                )
                .service(web::resource("/accounts/login").route(web::post().to(accounts::log_in)))
                .service(web::resource("/accounts/refresh").route(web::post().to(accounts::refresh)))
                .service(web::resource("/accounts/logout").route(web::post().to(accounts::log_out)))
                .service(
                    web::resource("/accounts/password-reset")
                        .route(web::post().to(accounts::request_password_reset)),
                )
                .service(
                    web::resource("/accounts/password-reset/confirm")
                        .route(web::post().to(accounts::reset_password)),
                )
                .service(
                    web::resource("/users/me")
                        .route(web::get().to(profile::show))
                        .route(web::delete().to(personal_data::delete)),
                )
                .service(web::resource("/users/me/profile").route(web::patch().to(profile::change)))
                .service(
                    web::resource("/users/me/avatar")
                        .route(web::put().to(profile::set_avatar))
                        .route(web::delete().to(profile::remove_avatar)),
                )
                .service(web::resource("/users/me/password").route(web::post().to(own::change_password)))
                .service(
                    web::resource("/users/me/sessions")
                        .route(web::get().to(own::list_sessions))
                        .route(web::delete().to(own::end_other_sessions)),
                )
                .service(web::resource("/users/me/sessions/{id}").route(web::delete().to(own::end_session)))
                .service(web::resource("/users").route(web::get().to(users::list)))
                .service(web::resource("/users/me/export").route(web::get().to(personal_data::export)))
                .service(web::resource("/admin/audit").route(web::get().to(audit::list)))
                .service(
                    web::resource("/users/{id}")
                        .route(web::get().to(users::show))
                        .route(web::patch().to(users::change)),
                )
                .service(web::resource("/users/{id}/cart").route(web::get().to(users::show_cart)))
                .service(web::resource("/movies").route(web::get().to(catalog::list_movies)))
                .service(web::resource("/movies/{id}").route(web::get().to(catalog::show_movie)))
                .service(web::resource("/genres").route(web::get().to(catalog::list_genres)))
                .service(
                    web::resource("/cart")
                        .route(web::get().to(cart::show))
                        .route(web::delete().to(cart::clear)),
                )
                .service(web::resource("/cart/items").route(web::post().to(cart::add)))
                .service(web::resource("/cart/items/{movie_id}").route(web::delete().to(cart::remove)))
                .service(web::resource("/cart/merge").route(web::post().to(cart::merge))),
        );
}
