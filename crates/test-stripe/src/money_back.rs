//! Refunds and disputes, which can return money to buyers.

use serde_json::Value;

use crate::{
    account::{Account, RefundCourse, Refusal},
    http::Params,
    objects::{Dispute, Expand, Metadata, Refund},
};

/// How long the shop can respond to a dispute, in seconds.
const ANSWER_TIME: i64 = 7 * 24 * 60 * 60;

impl Account {
    /// `POST /v1/refunds`
    pub(crate) fn create_refund(&mut self, params: &Params) -> Result<Value, Refusal> {
        let intent = params.get("payment_intent").unwrap_or_default();
        let metadata = params.map("metadata").into_iter().collect();
        let id = self.refund(intent, params.number("amount"), metadata)?;
        self.refund_json(&id, &Expand::new(params.list("expand")))
    }

    pub(crate) fn refund_json(&self, id: &str, expand: &Expand) -> Result<Value, Refusal> {
        let found = self.refunds.iter().find(|refund| refund.id == id);
        found.map(|refund| refund.json(expand)).ok_or_else(|| Refusal::missing("refund", id))
    }

    /// Refunds a payment, and returns the identifier of the refund. Without an amount, the complete remaining amount is
    /// refunded.
    pub(crate) fn refund(
        &mut self,
        intent: &str,
        amount: Option<i64>,
        metadata: Metadata,
    ) -> Result<String, Refusal> {
        let course = self.refund_courses.pop_front().unwrap_or(RefundCourse::Succeeds);
        let (now, id) = (self.now(), self.new_id("re"));
        let charge_id = self.intent(intent)?.charge.clone().unwrap_or_default();
        let charge = self.charge_mut(&charge_id)?;
        let left = charge.amount.saturating_sub(charge.refunded);
        let amount = amount.unwrap_or(left);
        if charge.status != "succeeded" {
            return Err(Refusal::invalid(Some("charge_not_refundable"), "the charge has no money"));
        }
        if charge.is_disputed {
            return Err(Refusal::invalid(Some("charge_disputed"), "the charge is disputed"));
        }
        if left == 0 {
            return Err(Refusal::invalid(Some("charge_already_refunded"), "nothing is left"));
        }
        if !(1..=left).contains(&amount) {
            return Err(Refusal::invalid(None, "the refund is greater than what is left"));
        }
        let status = match course {
            RefundCourse::Succeeds => "succeeded",
            RefundCourse::StaysPending => "pending",
            RefundCourse::Fails => "failed",
        };
        if course != RefundCourse::Fails {
            charge.refunded = charge.refunded.saturating_add(amount);
        }
        let currency = charge.currency.clone();
        self.refunds.push(Refund {
            id: id.clone(),
            created: now,
            intent: intent.to_owned(),
            charge: charge_id.clone(),
            amount,
            currency,
            status,
            failed_at: (course == RefundCourse::Fails).then_some(now),
            metadata,
        });
        self.emit_refund("refund.created", &id)?;
        match course {
            RefundCourse::Fails => self.emit_refund("refund.failed", &id)?,
            RefundCourse::Succeeds | RefundCourse::StaysPending => {
                self.emit_charge("charge.refunded", &charge_id)?;
            }
        }
        Ok(id)
    }

    /// Makes a pending refund succeed or fail, or makes a refund that had succeeded fail.
    pub(crate) fn finish_refund(&mut self, id: &str, is_success: bool) -> Result<(), Refusal> {
        let now = self.now();
        let found = self.refunds.iter_mut().find(|refund| refund.id == id);
        let refund = found.ok_or_else(|| Refusal::missing("refund", id))?;
        match (refund.status, is_success) {
            ("pending", true) => refund.status = "succeeded",
            ("pending" | "succeeded", false) => {
                (refund.status, refund.failed_at) = ("failed", Some(now));
                let (charge, amount) = (refund.charge.clone(), refund.amount);
                let charge = self.charge_mut(&charge)?;
                charge.refunded = charge.refunded.saturating_sub(amount);
                self.emit_refund("refund.failed", id)?;
            }
            _ => return Err(Refusal::invalid(None, "the refund has ended")),
        }
        self.emit_refund("charge.refund.updated", id)?;
        self.emit_refund("refund.updated", id)
    }

    fn emit_refund(&mut self, kind: &str, id: &str) -> Result<(), Refusal> {
        let object = self.refund_json(id, &Expand::NONE)?;
        self.emit(kind, &object);
        Ok(())
    }

    pub(crate) fn dispute(&self, id: &str) -> Result<&Dispute, Refusal> {
        self.disputes.iter().find(|dispute| dispute.id == id).ok_or_else(|| Refusal::missing("dispute", id))
    }

    /// The buyer disputes a payment. Returns the identifier of the dispute. An inquiry withdraws no money.
    pub(crate) fn open_dispute(
        &mut self,
        intent: &str,
        amount: Option<i64>,
        is_inquiry: bool,
    ) -> Result<String, Refusal> {
        let (now, id) = (self.now(), self.new_id("du"));
        let charge_id = self.intent(intent)?.charge.clone().unwrap_or_default();
        let charge = self.charge_mut(&charge_id)?;
        charge.is_disputed = true;
        let amount = amount.unwrap_or(charge.amount);
        let currency = charge.currency.clone();
        self.disputes.push(Dispute {
            id: id.clone(),
            created: now,
            intent: intent.to_owned(),
            charge: charge_id,
            amount,
            currency,
            status: if is_inquiry { "warning_needs_response" } else { "needs_response" },
            due_by: now.saturating_add(ANSWER_TIME),
            movements: if is_inquiry { Vec::new() } else { vec![(amount.saturating_neg(), now)] },
        });
        self.emit_dispute("charge.dispute.created", &id)?;
        if !is_inquiry {
            self.emit_dispute("charge.dispute.funds_withdrawn", &id)?;
        }
        Ok(id)
    }

    /// Turns an inquiry into a dispute, which withdraws its amount.
    pub(crate) fn escalate_dispute(&mut self, id: &str) -> Result<(), Refusal> {
        let now = self.now();
        let dispute = self.dispute_mut(id)?;
        dispute.status = "needs_response";
        dispute.movements.push((dispute.amount.saturating_neg(), now));
        self.emit_dispute("charge.dispute.updated", id)?;
        self.emit_dispute("charge.dispute.funds_withdrawn", id)
    }

    /// Ends a dispute with this status: `won`, `lost`, `warning_closed` or `prevented`.
    pub(crate) fn close_dispute(&mut self, id: &str, status: &'static str) -> Result<(), Refusal> {
        let now = self.now();
        let dispute = self.dispute_mut(id)?;
        dispute.status = status;
        let held = dispute.movements.iter().fold(0_i64, |sum, (amount, _)| sum.saturating_sub(*amount));
        let is_given_back = status != "lost" && held > 0;
        if is_given_back {
            dispute.movements.push((held, now));
        }
        let charge = dispute.charge.clone();
        let is_lost = status == "lost";
        self.charge_mut(&charge)?.is_disputed = is_lost;
        self.emit_dispute("charge.dispute.closed", id)?;
        if is_given_back {
            self.emit_dispute("charge.dispute.funds_reinstated", id)?;
        }
        Ok(())
    }

    fn dispute_mut(&mut self, id: &str) -> Result<&mut Dispute, Refusal> {
        let found = self.disputes.iter_mut().find(|dispute| dispute.id == id);
        found.ok_or_else(|| Refusal::missing("dispute", id))
    }

    fn emit_dispute(&mut self, kind: &str, id: &str) -> Result<(), Refusal> {
        let object = self.dispute(id)?.json();
        self.emit(kind, &object);
        Ok(())
    }
}
