//! The checkout page of the sandbox, a simulated payment provider. The page works without scripts. It exists only if
//! the sandbox is configured as the payment provider.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use domain::payments::{SandboxCheckout, SandboxCheckoutState, SandboxCheckouts, SandboxOutcome};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    extract::{Form, inputs},
    html,
    problem::{Problem, kinds},
    state::Api,
};

/// The content security policy of the page. It has no `form-action`, because some browsers also apply that directive
/// to redirects, and the response to the form redirects to the frontend, which may have another origin.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// The page of a checkout.
#[derive(Template)]
#[template(path = "sandbox_checkout.html")]
struct CheckoutPage<'a> {
    checkout: &'a SandboxCheckout,
    root: &'static str,
}

/// The outcome of the checkout, which the buyer chooses.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum OutcomeField {
    Pay,
    Decline,
    Expire,
    Delay,
}

/// The form of the page.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct OutcomeForm {
    outcome: OutcomeField,
}

inputs!(OutcomeForm);

/// `GET /sandbox/checkouts/{id}`: shows the order, with a button for each outcome.
pub(crate) async fn show(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let (sandbox, id) = match sandbox_and_id(&request, &api) {
        Ok(found) => found,
        Err(problem) => return problem.error_response(),
    };
    match api.run(async move { sandbox.show_checkout(&id).await }).await {
        Ok(Some(checkout)) => page(&checkout),
        Ok(None) => not_found().error_response(),
        Err(failure) => failure.error_response(),
    }
}

/// `POST /sandbox/checkouts/{id}`: applies the outcome and redirects the buyer to the page of the order.
pub(crate) async fn choose(
    request: HttpRequest,
    api: web::Data<Api>,
    form: Form<OutcomeForm>,
) -> HttpResponse {
    let (sandbox, id) = match sandbox_and_id(&request, &api) {
        Ok(found) => found,
        Err(problem) => return problem.error_response(),
    };
    let Some(form) = form.0 else {
        let problem = Problem::new(&kinds::VALIDATION_FAILED);
        return problem.because("The outcome must be pay, decline, expire or delay.").error_response();
    };
    let outcome = match form.outcome {
        OutcomeField::Pay => SandboxOutcome::Pay,
        OutcomeField::Decline => SandboxOutcome::Decline,
        OutcomeField::Expire => SandboxOutcome::Expire,
        OutcomeField::Delay => SandboxOutcome::Delay,
    };
    match api.run(async move { sandbox.choose_outcome(&id, outcome).await }).await {
        Ok(Some(checkout)) => {
            HttpResponse::SeeOther().insert_header((header::LOCATION, checkout.return_url)).finish()
        }
        Ok(None) => not_found().error_response(),
        Err(failure) => failure.error_response(),
    }
}

fn sandbox_and_id(request: &HttpRequest, api: &Api) -> Result<(Arc<dyn SandboxCheckouts>, String), Problem> {
    let sandbox = api.state.sandbox.clone().ok_or_else(not_found)?;
    let id = request.match_info().get("id").unwrap_or_default();
    Ok((sandbox, id.to_owned()))
}

fn not_found() -> Problem {
    Problem::new(&kinds::NOT_FOUND)
}

fn page(checkout: &SandboxCheckout) -> HttpResponse {
    let mut response = html::page(StatusCode::OK, &CheckoutPage { checkout, root: "../../" });
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, header::HeaderValue::from_static(POLICY));
    response
}
