//! The order in which kinds are installed and uninstalled.

use std::cmp::Ordering;

use crate::manifest::Manifest;

/// Helm 3.19's order of installing.
const INSTALL: [&str; 36] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

/// Helm 3.19's order of uninstalling, which is not quite the reverse.
const UNINSTALL: [&str; 36] = [
    "APIService",
    "Ingress",
    "IngressClass",
    "Service",
    "CronJob",
    "Job",
    "StatefulSet",
    "HorizontalPodAutoscaler",
    "Deployment",
    "ReplicaSet",
    "ReplicationController",
    "Pod",
    "DaemonSet",
    "RoleBindingList",
    "RoleBinding",
    "RoleList",
    "Role",
    "ClusterRoleBindingList",
    "ClusterRoleBinding",
    "ClusterRoleList",
    "ClusterRole",
    "CustomResourceDefinition",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "StorageClass",
    "ConfigMap",
    "SecretList",
    "Secret",
    "ServiceAccount",
    "PodDisruptionBudget",
    "PodSecurityPolicy",
    "LimitRange",
    "ResourceQuota",
    "NetworkPolicy",
    "Namespace",
    "PriorityClass",
];

/// Sorts for installing. Kinds that Helm does not know come last, by name; the order within a kind stays.
pub fn install(manifests: &mut [Manifest]) {
    manifests.sort_by(|a, b| compare(&INSTALL, a.kind(), b.kind()));
}

/// Sorts for uninstalling, with the same rule for unknown kinds.
pub fn uninstall(manifests: &mut [Manifest]) {
    manifests.sort_by(|a, b| compare(&UNINSTALL, a.kind(), b.kind()));
}

/// Compares two kinds for installing.
pub(crate) fn compare_kinds(a: &str, b: &str) -> Ordering {
    compare(&INSTALL, a, b)
}

fn compare(order: &[&str], a: &str, b: &str) -> Ordering {
    let rank = |kind: &str| order.iter().position(|known| *known == kind);
    match (rank(a), rank(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_unknown_kinds_last_and_keeps_the_order_within_a_kind() {
        let manifest = |kind: &str, source: &str| crate::manifest::parse(source, &format!("kind: {kind}")).unwrap();
        let mut all = vec![
            manifest("Zebra", "1"),
            manifest("Deployment", "2"),
            manifest("Ant", "3"),
            manifest("Service", "4"),
            manifest("Deployment", "5"),
            manifest("Namespace", "6"),
        ];
        let order = |all: &[Manifest]| all.iter().map(|one| one.source.clone()).collect::<String>();
        install(&mut all);
        assert_eq!(order(&all), "642531");
        uninstall(&mut all);
        assert_eq!(order(&all), "425631");
    }
}
