//! The order in which objects are applied (`flux-v1.md` 6.2): by rank of the kind, then by name.

/// 0 for Namespaces, then what others need, then workloads, then everything else.
pub fn rank(kind: &str) -> u8 {
    match kind {
        "Namespace" => 0,
        "CustomResourceDefinition" | "ServiceAccount" | "ClusterRole" | "Role" | "PersistentVolume" | "Service" => 1,
        "ResourceQuota"
        | "LimitRange"
        | "Secret"
        | "ConfigMap"
        | "RoleBinding"
        | "ClusterRoleBinding"
        | "PersistentVolumeClaim"
        | "Ingress" => 2,
        "DaemonSet" | "Deployment" | "ReplicationController" | "ReplicaSet" | "Job" | "CronJob" | "StatefulSet" => 3,
        _ => 4,
    }
}
