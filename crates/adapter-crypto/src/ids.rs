use domain::id::IdGenerator;
use uuid::Uuid;

/// Generates UUIDv7 identifiers (RFC 9562). Each identifier is greater than all that this process generated before,
/// also in the same millisecond.
#[derive(Debug, Clone, Copy, Default)]
pub struct UuidGenerator;

impl IdGenerator for UuidGenerator {
    fn uuid(&self) -> Uuid {
        #[expect(clippy::disallowed_methods, reason = "this adapter implements the port for identifiers")]
        Uuid::now_v7()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_identifier_is_greater_than_the_one_before() {
        let ids: Vec<Uuid> = (0..10_000).map(|_| UuidGenerator.uuid()).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }
}
