use domain::{
    audit::{AuditAction, AuditEntry, AuditObject, AuditState},
    catalog::Offer,
    id::{IdGenerator, MovieId},
    time::Instant,
};

/// What the audit log tells of a movie whose offer was changed on the command line: price and availability, each in an
/// entry of its own and only where it moved.
pub(super) fn entries(
    ids: &dyn IdGenerator,
    movie: MovieId,
    before: Offer,
    after: Offer,
    now: Instant,
) -> Vec<AuditEntry> {
    let price = |offer: Offer| AuditState::of([("price", offer.price.to_string())]);
    let availability = |offer: Offer| AuditState::of([("is_available", offer.is_available.to_string())]);
    let changes = [
        (AuditAction::PriceChanged, price(before), price(after)),
        (AuditAction::AvailabilityChanged, availability(before), availability(after)),
    ];
    changes
        .into_iter()
        .filter(|(_, before, after)| before != after)
        .map(|(action, before, after)| AuditEntry {
            id: ids.next(),
            at: now,
            action,
            actor: None,
            object: Some(AuditObject::Movie(movie)),
            before: Some(before),
            after: Some(after),
            ip: None,
            request_id: None,
        })
        .collect()
}
