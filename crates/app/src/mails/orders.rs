//! Mails about orders and payments.

use domain::{
    id::{OrderId, PaymentId},
    money::Money,
    payments::DisputeStatus,
};

use super::mail;

/// A movie of a paid order.
pub(crate) struct PaidMovie {
    /// The name and year of the movie.
    pub(crate) title: String,
    /// The paid price.
    pub(crate) price: Money,
}

/// Says that an order was paid.
pub(crate) struct OrderPaid {
    pub(crate) number: String,
    pub(crate) order_id: OrderId,
    pub(crate) movies: Vec<PaidMovie>,
    pub(crate) total: Money,
}

mail!(OrderPaid, "mails/orders/order_paid.txt", "mails/orders/order_paid.html", |mail| format!(
    "Your Cinema order {} is paid",
    mail.number
));

/// Why a payment, or a part of it, was returned automatically.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReturnReason {
    /// The payment arrived for an order that had been canceled.
    OrderCanceled,
    /// The payment arrived for an order that another payment had paid.
    PaidTwice,
    /// The payment paid the order, but the buyer already had some or all of the movies. The money for these movies is
    /// returned.
    OwnedAlready,
}

/// Says that a payment, or a part of it, was returned automatically.
pub(crate) struct MoneyReturned {
    pub(crate) number: String,
    pub(crate) order_id: OrderId,
    pub(crate) amount: Money,
    pub(crate) reason: ReturnReason,
}

mail!(MoneyReturned, "mails/orders/money_returned.txt", "mails/orders/money_returned.html", |mail| format!(
    "A payment for Cinema order {} was returned",
    mail.number
));

impl MoneyReturned {
    const fn cause(&self) -> &'static str {
        match self.reason {
            ReturnReason::OrderCanceled => "the order had been canceled before the money arrived",
            ReturnReason::PaidTwice => "the order had been paid by another payment",
            ReturnReason::OwnedAlready => "the movies were already in the library",
        }
    }
}

/// Tells an administrator about a payment with a wrong amount or currency.
pub(crate) struct PaymentMismatch {
    pub(crate) number: String,
    pub(crate) payment_id: PaymentId,
    pub(crate) asked: Money,
    pub(crate) received: Money,
}

mail!(
    PaymentMismatch,
    "mails/orders/payment_mismatch.txt",
    "mails/orders/payment_mismatch.html",
    |mail| format!("A payment for Cinema order {} has another amount", mail.number)
);

/// Tells an administrator about money that arrived for an unknown order and is returned.
pub(crate) struct UnknownPaymentReturned {
    pub(crate) checkout_id: String,
    pub(crate) payment_id: PaymentId,
    pub(crate) amount: Money,
}

mail!(
    UnknownPaymentReturned,
    "mails/orders/unknown_payment_returned.txt",
    "mails/orders/unknown_payment_returned.html",
    |mail| format!("Cinema returned {} for an order that it does not know", mail.amount)
);

/// Says that money for an order was refunded.
pub(crate) struct OrderRefunded {
    pub(crate) number: String,
    pub(crate) order_id: OrderId,
    pub(crate) amount: Money,
    /// The refunded movies, which leave the library. Empty when they are not known, or when the payment added no movies
    /// to the library.
    pub(crate) movies: Vec<String>,
}

mail!(OrderRefunded, "mails/orders/order_refunded.txt", "mails/orders/order_refunded.html", |mail| format!(
    "A refund for your Cinema order {}",
    mail.number
));

/// Says that a buyer requested a refund; sent to the buyer and to administrators.
pub(crate) struct RefundRequested {
    pub(crate) number: String,
    pub(crate) order_id: OrderId,
    pub(crate) amount: Money,
    pub(crate) movies: Vec<String>,
}

mail!(
    RefundRequested,
    "mails/orders/refund_requested.txt",
    "mails/orders/refund_requested.html",
    |mail| format!("A refund request for Cinema order {}", mail.number)
);

/// Says whether a request for a refund was approved or rejected.
pub(crate) struct RefundDecided {
    pub(crate) number: String,
    pub(crate) order_id: OrderId,
    pub(crate) amount: Money,
    pub(crate) is_approved: bool,
    /// The administrator's note.
    pub(crate) note: Option<String>,
}

mail!(RefundDecided, "mails/orders/refund_decided.txt", "mails/orders/refund_decided.html", |mail| {
    let decision = if mail.is_approved { "approved" } else { "rejected" };
    format!("Your refund request for Cinema order {} was {decision}", mail.number)
});

/// Tells an administrator about a dispute that was opened or has ended.
pub(crate) struct DisputeChanged {
    pub(crate) number: String,
    pub(crate) payment_id: PaymentId,
    pub(crate) amount: Money,
    pub(crate) reason: String,
    pub(crate) status: DisputeStatus,
}

mail!(DisputeChanged, "mails/orders/dispute_changed.txt", "mails/orders/dispute_changed.html", |mail| {
    let change = match mail.status {
        DisputeStatus::Open => "was opened",
        DisputeStatus::Won => "was won",
        DisputeStatus::Lost => "was lost",
    };
    format!("A dispute of a payment for Cinema order {} {change}", mail.number)
});

impl DisputeChanged {
    const fn effect(&self) -> &'static str {
        match self.status {
            DisputeStatus::Open => {
                "The movies are suspended until it ends. Answer it at the payment provider before the deadline."
            }
            DisputeStatus::Won => "The money belongs to the shop, and the buyer has the movies again.",
            DisputeStatus::Lost => "The money is lost, and the buyer has lost the movies.",
        }
    }
}

/// Tells an administrator about a refund that failed.
pub(crate) struct RefundFailed {
    pub(crate) number: String,
    pub(crate) payment_id: PaymentId,
    pub(crate) amount: Money,
    /// Movies that the buyer has bought again, so that their earlier purchases are not restored.
    pub(crate) bought_again: Vec<String>,
}

mail!(RefundFailed, "mails/orders/refund_failed.txt", "mails/orders/refund_failed.html", |mail| format!(
    "A refund for Cinema order {} failed",
    mail.number
));

/// One mail of each kind.
#[cfg(test)]
pub(super) fn samples() -> Vec<Box<dyn super::Content>> {
    use uuid::Uuid;

    let order_id = OrderId::from_uuid(Uuid::from_u128(7));
    let price = |minor| Money::from_minor(minor, "USD".parse().unwrap());
    let number = || "7K3QX-9MP2B".to_owned();
    let movie = |title: &str| PaidMovie { title: title.to_owned(), price: price(999) };
    let movies = vec![movie("Alien (1979)"), movie("Amélie (2001)")];
    vec![
        Box::new(OrderPaid { number: number(), order_id, movies, total: price(1_998) }),
        Box::new(MoneyReturned {
            number: number(),
            order_id,
            amount: price(999),
            reason: ReturnReason::OrderCanceled,
        }),
        Box::new(PaymentMismatch {
            number: number(),
            payment_id: PaymentId::from_uuid(Uuid::from_u128(8)),
            asked: price(999),
            received: price(998),
        }),
        Box::new(UnknownPaymentReturned {
            checkout_id: "cs_7".to_owned(),
            payment_id: PaymentId::from_uuid(Uuid::from_u128(9)),
            amount: price(999),
        }),
        Box::new(OrderRefunded {
            number: number(),
            order_id,
            amount: price(999),
            movies: vec!["Alien (1979)".to_owned()],
        }),
        Box::new(DisputeChanged {
            number: number(),
            payment_id: PaymentId::from_uuid(Uuid::from_u128(8)),
            amount: price(999),
            reason: "fraudulent".to_owned(),
            status: DisputeStatus::Open,
        }),
        Box::new(RefundRequested {
            number: number(),
            order_id,
            amount: price(999),
            movies: vec!["Alien (1979)".to_owned()],
        }),
        Box::new(RefundDecided {
            number: number(),
            order_id,
            amount: price(999),
            is_approved: false,
            note: Some("The movie was watched.".to_owned()),
        }),
        Box::new(RefundFailed {
            number: number(),
            payment_id: PaymentId::from_uuid(Uuid::from_u128(8)),
            amount: price(999),
            bought_again: vec!["Alien (1979)".to_owned()],
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mails::compose;

    #[test]
    fn a_paid_order_lists_its_movies_and_the_total() {
        let to = "ann@example.com".parse().unwrap();
        let mail = compose(&to, "https://cinema.example", &*samples()[0]);
        assert_eq!(mail.subject, "Your Cinema order 7K3QX-9MP2B is paid");
        assert!(
            mail.text.contains("\n- Alien (1979): 9.99 USD\n- Amélie (2001): 9.99 USD\n"),
            "{}",
            mail.text
        );
        assert!(mail.text.contains("\nTotal: 19.98 USD\n"), "{}", mail.text);
    }

    #[test]
    fn the_mail_about_a_returned_payment_names_the_reason() {
        let to = "ann@example.com".parse().unwrap();
        for (reason, cause) in [
            (ReturnReason::OrderCanceled, "had been canceled"),
            (ReturnReason::PaidTwice, "had been paid by another payment"),
        ] {
            let content = MoneyReturned {
                number: "7K3QX-9MP2B".to_owned(),
                order_id: OrderId::from_uuid(uuid::Uuid::from_u128(7)),
                amount: Money::from_minor(999, "USD".parse().unwrap()),
                reason,
            };
            let text = compose(&to, "https://cinema.example", &content).text;
            assert!(text.contains(cause) && text.contains("9.99 USD"), "{text}");
        }
    }
}
