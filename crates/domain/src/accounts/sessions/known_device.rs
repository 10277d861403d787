use async_trait::async_trait;

use crate::{entropy::TokenDigest, id::UserId, store::StoreError, time::Instant};

/// The maximum number of known devices of a user.
pub const MAX_KNOWN_DEVICES: u32 = 50;

/// A device that a user signed in from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDevice {
    /// The user who signed in from the device.
    pub user_id: UserId,
    /// The digest of the device's fingerprint.
    pub device: TokenDigest,
    /// When the user first signed in from the device.
    pub first_seen_at: Instant,
    /// When the user last signed in from the device.
    pub last_seen_at: Instant,
}

/// Stores the devices that users signed in from. Callers hold the lock of the user.
#[async_trait]
pub trait KnownDeviceRepository: Send {
    /// Records that the device was used. Returns `false` when the device is not known; MUST NOT add the device in this
    /// case.
    async fn touch_device(
        &mut self,
        user_id: UserId,
        device: &TokenDigest,
        at: Instant,
    ) -> Result<bool, StoreError>;
    /// Whether any device of the user is known.
    async fn has_known_devices(&mut self, user_id: UserId) -> Result<bool, StoreError>;
    /// Adds a device. MUST remove the least recently used devices of the user beyond [`MAX_KNOWN_DEVICES`].
    async fn insert_device(&mut self, device: &KnownDevice) -> Result<(), StoreError>;
}
