//! The form-encoded parameters of API requests. The same request always gives the same bytes, because Stripe
//! refuses a repeated idempotency key with other parameters.

use domain::payments::{CheckoutRequest, RefundOrder};
use url::form_urlencoded::Serializer;

use crate::amounts;

/// The maximum number of line items in a session.
const MAX_LINES: usize = 100;

/// The maximum length of a line item's name, in characters.
const MAX_NAME: usize = 250;

/// The parameters of a Checkout Session; `None` when Stripe cannot charge exactly the requested amount, or when the
/// prices of the lines do not add up to that amount.
pub(crate) fn session(request: &CheckoutRequest, payment_methods: &[String]) -> Option<String> {
    let zero = domain::money::Money::zero(request.amount.currency());
    let sum = request.lines.iter().try_fold(zero, |sum, line| sum.checked_add(line.price).ok())?;
    if sum != request.amount {
        return None;
    }
    let total = amounts::to_units(request.amount)?;
    let mut form = Serializer::new(String::new());
    form.append_pair("mode", "payment")
        .append_pair("client_reference_id", &request.order_id.to_string())
        .append_pair("success_url", &request.return_url)
        .append_pair("cancel_url", &request.return_url)
        .append_pair("expires_at", &request.expires_at.timestamp().to_string())
        // Stripe must charge the buyer in the currency of the order.
        .append_pair("adaptive_pricing[enabled]", "false");
    for (index, method) in payment_methods.iter().enumerate() {
        form.append_pair(&format!("allowed_payment_method_types[{index}]"), method);
    }
    // Stripe refuses the whole session if the email address is not in ASCII.
    if let Some(email) = request.email.as_ref().filter(|email| email.is_ascii()) {
        form.append_pair("customer_email", email);
    }
    let ids = [
        ("shop_id", request.shop_id.to_string()),
        ("order_id", request.order_id.to_string()),
        ("payment_id", request.payment_id.to_string()),
    ];
    for (name, id) in &ids {
        form.append_pair(&format!("metadata[{name}]"), id);
        form.append_pair(&format!("payment_intent_data[metadata][{name}]"), id);
    }
    form.append_pair("payment_intent_data[description]", &request.order_number);
    let currency = request.amount.currency().code().to_ascii_lowercase();
    for (index, (name, units)) in lines(request, total).into_iter().enumerate() {
        let mut append = |field: &str, value: &str| {
            form.append_pair(&format!("line_items[{index}]{field}"), value);
        };
        append("[quantity]", "1");
        append("[price_data][currency]", &currency);
        append("[price_data][unit_amount]", &units.to_string());
        append("[price_data][product_data][name]", &name);
    }
    Some(form.finish())
}

/// The names and amounts of the line items. If the order has no lines or more than `MAX_LINES`, or if a line has no
/// name or a price that Stripe cannot charge exactly, a single item for the whole order replaces all lines.
fn lines(request: &CheckoutRequest, total: i64) -> Vec<(String, i64)> {
    let line = |line: &domain::payments::CheckoutLine| {
        let name: String = line.name.chars().take(MAX_NAME).collect();
        let units = amounts::to_units(line.price)?;
        (!name.is_empty()).then_some((name, units))
    };
    let lines: Option<Vec<_>> = request.lines.iter().map(line).collect();
    lines
        .filter(|lines| (1..=MAX_LINES).contains(&lines.len()))
        .unwrap_or_else(|| vec![(request.order_number.clone(), total)])
}

/// The parameters of a refund; `None` when Stripe cannot refund exactly this amount.
pub(crate) fn refund(order: &RefundOrder) -> Option<String> {
    let units = amounts::to_units(order.amount)?;
    let mut form = Serializer::new(String::new());
    form.append_pair("payment_intent", &order.charge)
        .append_pair("amount", &units.to_string())
        .append_pair("metadata[shop_id]", &order.shop_id.to_string())
        .append_pair("metadata[refund_id]", &order.refund_id.to_string())
        .append_pair("expand[0]", "failure_balance_transaction");
    Some(form.finish())
}

/// Encodes a query string.
pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Encodes an identifier as one segment of a path.
pub(crate) fn segment(id: &str) -> String {
    // In a path, unlike in a form, `+` does not mean a space. A `+` of the identifier itself is already `%2B`.
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20")
}
