use crate::time::Instant;

/// Why a payment failed, or why the last attempt was declined.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PaymentFailure {
    /// The time of the failure, which may be an approximation. If there were several failures, the one with the latest
    /// time is kept.
    pub at: Instant,
    /// The code: the provider's decline code or error code, or a code of this service, such as
    /// [`PaymentFailure::AMOUNT_MISMATCH`].
    pub code: String,
}

/// What the buyer can do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Pay with another card or another method.
    UseAnotherCard,
    /// Ask the bank that issued the card.
    CallTheBank,
    /// Check the number, the expiry date and the security code.
    CheckTheDetails,
    /// Wait a few minutes.
    TryLater,
    /// Complete the bank's confirmation.
    Authenticate,
    /// Do nothing: the shop will resolve the problem.
    Wait,
}

impl Advice {
    /// The sentence for the buyer.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::UseAnotherCard => "Try another card or another payment method.",
            Self::CallTheBank => "Call the bank that issued the card, or try another card.",
            Self::CheckTheDetails => {
                "Check the card's number, expiry date and security code, then try again."
            }
            Self::TryLater => "Try again in a few minutes, or use another card.",
            Self::Authenticate => "Try again and confirm the payment with your bank.",
            Self::Wait => "You need not do anything: the shop looks after this payment.",
        }
    }
}

impl PaymentFailure {
    /// The code of a payment whose amount or currency was wrong.
    pub const AMOUNT_MISMATCH: &'static str = "amount_mismatch";

    /// The code of a payment for which no checkout could be opened.
    pub const NOT_OPENED: &'static str = "checkout_not_opened";

    /// What happened, for the buyer.
    #[must_use]
    pub fn message(&self) -> &'static str {
        match self.code.as_str() {
            Self::AMOUNT_MISMATCH => "The amount that arrived is not the amount of the order.",
            Self::NOT_OPENED => "The payment could not be started.",
            "insufficient_funds" | "withdrawal_count_limit_exceeded" | "card_velocity_exceeded" => {
                "The card has too little money or is over its limit."
            }
            "expired_card" => "The card has expired.",
            "incorrect_number"
            | "invalid_number"
            | "incorrect_cvc"
            | "invalid_cvc"
            | "incorrect_zip"
            | "invalid_expiry_month"
            | "invalid_expiry_year"
            | "incorrect_pin"
            | "invalid_pin" => "The details of the card are wrong.",
            "authentication_required"
            | "authentication_not_handled"
            | "payment_intent_authentication_failure" => "The bank asks for a confirmation of the payment.",
            "processing_error" | "try_again_later" | "issuer_not_available" | "reenter_transaction" => {
                "The payment could not be processed just now."
            }
            _ => "The payment was declined.",
        }
    }

    /// What the buyer can do. Apart from the codes of this service, the codes are Stripe's decline codes for cards
    /// (<https://docs.stripe.com/declines/codes>) and its error code `payment_intent_authentication_failure`. An
    /// unknown code gets the same advice as a decline for which the bank gave no reason.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self.code.as_str() {
            Self::AMOUNT_MISMATCH => Advice::Wait,
            Self::NOT_OPENED
            | "processing_error"
            | "try_again_later"
            | "issuer_not_available"
            | "reenter_transaction" => Advice::TryLater,
            "insufficient_funds"
            | "expired_card"
            | "card_not_supported"
            | "currency_not_supported"
            | "withdrawal_count_limit_exceeded"
            | "card_velocity_exceeded"
            | "testmode_decline"
            | "duplicate_transaction" => Advice::UseAnotherCard,
            "incorrect_number"
            | "invalid_number"
            | "incorrect_cvc"
            | "invalid_cvc"
            | "incorrect_zip"
            | "invalid_expiry_month"
            | "invalid_expiry_year"
            | "incorrect_pin"
            | "invalid_pin" => Advice::CheckTheDetails,
            "authentication_required"
            | "authentication_not_handled"
            | "payment_intent_authentication_failure" => Advice::Authenticate,
            _ => Advice::CallTheBank,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_decline_code_has_suitable_advice() {
        for (code, advice) in [
            ("insufficient_funds", Advice::UseAnotherCard),
            ("expired_card", Advice::UseAnotherCard),
            ("incorrect_cvc", Advice::CheckTheDetails),
            ("do_not_honor", Advice::CallTheBank),
            ("lost_card", Advice::CallTheBank),
            ("generic_decline", Advice::CallTheBank),
            ("processing_error", Advice::TryLater),
            ("authentication_required", Advice::Authenticate),
            ("amount_mismatch", Advice::Wait),
            ("a_code_of_next_year", Advice::CallTheBank),
        ] {
            let failure = PaymentFailure { at: Instant::UNIX_EPOCH, code: code.to_owned() };
            assert_eq!(failure.advice(), advice, "{code}");
            assert!(failure.message().ends_with('.'));
        }
    }
}
