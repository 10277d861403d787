//! The processors and the memory that this process may use, within the limits of its container.

use std::{fs, path::Path, thread};

/// The memory that hashing one password takes, in bytes: 19 MiB for Argon2id, and about 1 MiB for its thread.
const MEMORY_OF_A_SLOT: u64 = 20 * 1024 * 1024;

/// Returns the number of processors, limited by the container's quota (cgroup v1 or v2) and the CPU affinity.
pub(super) fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Returns the memory in bytes that the control groups of this process allow; `None` when they set no limit.
pub(super) fn memory_limit() -> Option<u64> {
    limit_below(Path::new("/sys/fs/cgroup"), &fs::read_to_string("/proc/self/cgroup").unwrap_or_default())
}

/// Returns the default number of passwords that are hashed at the same time: half the number of processors, but at
/// most as many as fit into half of the memory, and at least one.
pub(super) fn default_hash_slots(processors: usize, memory_limit: Option<u64>) -> usize {
    let by_memory = memory_limit.map_or(u64::MAX, |limit| limit.div_euclid(2).div_euclid(MEMORY_OF_A_SLOT));
    let by_memory = usize::try_from(by_memory).unwrap_or(usize::MAX);
    processors.div_euclid(2).min(by_memory).max(1)
}

/// Returns the memory in bytes for hashing this number of passwords at the same time.
pub(super) fn memory_of(slots: usize) -> u64 {
    u64::try_from(slots).unwrap_or(u64::MAX).saturating_mul(MEMORY_OF_A_SLOT)
}

/// Returns the lowest limit of the process's control groups and their ancestors, because a limit applies to all
/// descendants; `None` if there is no limit. `root` is the folder of all groups, and `groups` is the content of
/// `/proc/self/cgroup`.
fn limit_below(root: &Path, groups: &str) -> Option<u64> {
    let mut lowest = None;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let (root, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            names if names.split(',').any(|name| name == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => continue,
        };
        // The last ancestor is empty, so `root` itself is always read. In a container, `root` is usually the
        // container's own group, while `group` may be the path of this group on the host, which does not exist here.
        for group in Path::new(group.trim_start_matches('/')).ancestors() {
            let text = fs::read_to_string(root.join(group).join(file)).unwrap_or_default();
            // If there is no limit, the file contains "max" (cgroup v2) or a number near 2^63 (cgroup v1).
            let limit = text.trim().parse::<u64>().ok().filter(|limit| *limit < 1 << 60);
            lowest = [lowest, limit].into_iter().flatten().min();
        }
    }
    lowest
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_lowest_limit_up_to_the_root_counts() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "pods/pod/memory.max", "536870912\n");
        write(root, "pods/pod/container/memory.max", "max\n");
        assert_eq!(limit_below(root, "0::/pods/pod/container\n"), Some(512 * MIB));
        write(root, "pods/pod/container/memory.max", "268435456\n");
        assert_eq!(limit_below(root, "0::/pods/pod/container\n"), Some(256 * MIB));
        assert_eq!(limit_below(root, "0::/elsewhere\n"), None);
        write(root, "memory.max", "1073741824\n");
        assert_eq!(limit_below(root, "0::/\n"), Some(1024 * MIB));
        assert_eq!(limit_below(root, ""), None);
    }

    #[test]
    fn limits_of_cgroup_v1_are_read_too() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "memory/memory.limit_in_bytes", "9223372036854771712\n");
        let groups = "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n";
        assert_eq!(limit_below(root, groups), None);
        write(root, "memory/docker/x/memory.limit_in_bytes", "536870912\n");
        assert_eq!(limit_below(root, groups), Some(512 * MIB));
    }

    #[test]
    fn hashing_uses_at_most_half_of_the_memory_but_at_least_one_slot() {
        for (processors, limit, slots) in [
            (64, Some(512 * MIB), 12),
            (8, Some(512 * MIB), 4),
            (64, None, 32),
            (1, None, 1),
            (2, Some(16 * MIB), 1),
        ] {
            assert_eq!(default_hash_slots(processors, limit), slots, "{processors} {limit:?}");
        }
    }
}
