//! Tables as `kubectl get` prints them: columns of custom resource definitions, and the usual ones of common kinds.

use serde_json::{Value, json};

use super::kinds::Resource;
use super::object;
use super::present::partial;
use crate::clock::parse_rfc3339;

/// What each row carries of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    Nothing,
    Metadata,
    Whole,
}

/// A `Table` without its metadata, of objects as seen at a time in milliseconds.
pub(super) fn table(resource: &Resource, version: &str, rows: Rows, (objects, now): (&[Value], u64)) -> Value {
    let custom = resource.custom.as_ref().and_then(|c| c.columns.iter().find(|(v, _)| v == version)).map(|(_, c)| c);
    let custom = custom.and_then(Value::as_array).filter(|columns| !columns.is_empty());
    let mut columns = vec![column("Name", "string", "name", 0)];
    match custom {
        Some(custom) => columns.extend(custom.iter().map(custom_column)),
        None => {
            let built_in = built_in_columns(&resource.kind);
            columns.extend(built_in.iter().map(|name| column(name, "string", "", 0)));
            columns.push(column("Age", "string", "", 0));
        }
    }
    let cells = |object: &Value| {
        let mut cells = vec![json!(object::name(object))];
        match custom {
            Some(custom) => cells.extend(custom.iter().map(|column| custom_cell(column, object, now))),
            None => {
                cells.extend(built_in_cells(&resource.kind, object).into_iter().map(Value::from));
                cells.push(json!(age(object::text(object, "/metadata/creationTimestamp"), now)));
            }
        }
        cells
    };
    let row = |object: &Value| match rows {
        Rows::Nothing => json!({"cells": cells(object)}),
        Rows::Metadata => json!({"cells": cells(object), "object": partial(object)}),
        Rows::Whole => json!({"cells": cells(object), "object": object}),
    };
    let rows: Vec<Value> = objects.iter().map(row).collect();
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "columnDefinitions": columns, "rows": rows})
}

fn column(name: &str, kind: &str, format: &str, priority: i64) -> Value {
    json!({"name": name, "type": kind, "format": format, "description": "", "priority": priority})
}

fn custom_column(definition: &Value) -> Value {
    let text = |key: &str| definition.get(key).and_then(Value::as_str).unwrap_or_default();
    let priority = definition.get("priority").and_then(Value::as_i64).unwrap_or(0);
    // Times are shown as ages, which are text.
    let kind = if text("type") == "date" { "string" } else { text("type") };
    let mut made = column(text("name"), kind, text("format"), priority);
    object::map_at(&mut made, &[]).insert("description".into(), text("description").into());
    made
}

fn custom_cell(definition: &Value, object: &Value, now: u64) -> Value {
    let path = object::text(definition, "/jsonPath");
    let found = json_path(object, path).into_iter().next();
    match found {
        None | Some(Value::Null) => Value::Null,
        Some(Value::String(text)) if object::text(definition, "/type") == "date" => json!(age(text, now)),
        Some(Value::Object(_) | Value::Array(_)) => json!(found.map(ToString::to_string)),
        Some(value) => value.clone(),
    }
}

fn built_in_columns(kind: &str) -> &'static [&'static str] {
    match kind {
        "Namespace" => &["Status"],
        "Deployment" => &["Ready", "Up-to-date", "Available"],
        "ReplicaSet" => &["Desired", "Current", "Ready"],
        "StatefulSet" => &["Ready"],
        "DaemonSet" => &["Desired", "Current", "Ready"],
        "Pod" => &["Ready", "Status", "Restarts"],
        "Service" => &["Type", "Cluster-IP", "External-IP", "Port(s)"],
        "Secret" => &["Type", "Data"],
        "ConfigMap" => &["Data"],
        "Job" => &["Status", "Completions"],
        "HorizontalPodAutoscaler" => &["Reference", "MinPods", "MaxPods", "Replicas"],
        "Ingress" => &["Class", "Hosts"],
        "Event" => &["Type", "Reason", "Object", "Message"],
        "CustomResourceDefinition" => &["Scope"],
        _ => &[],
    }
}

fn built_in_cells(kind: &str, object: &Value) -> Vec<String> {
    let text = |pointer: &str| match object.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => "0".into(),
        Some(value) => value.to_string(),
    };
    let or_none = |pointer: &str| match object::text(object, pointer) {
        "" => "<none>".to_owned(),
        text => text.to_owned(),
    };
    let entries = |pointer: &str| object.pointer(pointer).and_then(Value::as_object).map_or(0, serde_json::Map::len);
    match kind {
        "Namespace" => vec![text("/status/phase")],
        "Deployment" => vec![
            format!("{}/{}", text("/status/readyReplicas"), text("/spec/replicas")),
            text("/status/updatedReplicas"),
            text("/status/availableReplicas"),
        ],
        "ReplicaSet" => vec![text("/spec/replicas"), text("/status/replicas"), text("/status/readyReplicas")],
        "StatefulSet" => vec![format!("{}/{}", text("/status/readyReplicas"), text("/spec/replicas"))],
        "DaemonSet" => vec![
            text("/status/desiredNumberScheduled"),
            text("/status/currentNumberScheduled"),
            text("/status/numberReady"),
        ],
        "Pod" => pod_cells(object),
        "Service" => {
            let ports = object.pointer("/spec/ports").and_then(Value::as_array).into_iter().flatten();
            let ports: Vec<String> =
                ports.map(|p| format!("{}/{}", json_text(p.get("port")), json_text(p.get("protocol")))).collect();
            vec![
                text("/spec/type"),
                or_none("/spec/clusterIP"),
                or_none("/status/loadBalancer/ingress/0/ip"),
                ports.join(","),
            ]
        }
        "Secret" => vec![text("/type"), entries("/data").to_string()],
        "ConfigMap" => vec![(entries("/data") + entries("/binaryData")).to_string()],
        "Job" => vec![
            or_none("/status/conditions/0/type"),
            format!("{}/{}", text("/status/succeeded"), text("/spec/completions")),
        ],
        "HorizontalPodAutoscaler" => vec![
            format!("{}/{}", text("/spec/scaleTargetRef/kind"), text("/spec/scaleTargetRef/name")),
            text("/spec/minReplicas"),
            text("/spec/maxReplicas"),
            text("/status/currentReplicas"),
        ],
        "Ingress" => vec![or_none("/spec/ingressClassName"), or_none("/spec/rules/0/host")],
        "Event" => vec![
            text("/type"),
            text("/reason"),
            format!(
                "{}/{}",
                object::text(object, "/involvedObject/kind").to_lowercase(),
                object::text(object, "/involvedObject/name")
            ),
            or_none("/message"),
        ],
        "CustomResourceDefinition" => vec![text("/spec/scope")],
        _ => Vec::new(),
    }
}

fn pod_cells(pod: &Value) -> Vec<String> {
    let statuses = pod.pointer("/status/containerStatuses").and_then(Value::as_array);
    let total = statuses.map_or(0, Vec::len);
    let ready = statuses.into_iter().flatten().filter(|s| s.get("ready") == Some(&Value::Bool(true))).count();
    let phase = match object::text(pod, "/status/phase") {
        "Succeeded" => "Completed",
        "Failed" => "Error",
        phase => phase,
    };
    vec![format!("{ready}/{total}"), phase.to_owned(), "0".into()]
}

fn json_text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    }
}

/// The part of JSONPath that printer columns use: `.a.b`, `[0]`, `[*]`, `['a']` and `[?(@.a=="b")]`.
fn json_path<'a>(root: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut here = vec![root];
    let mut rest = path.trim_start_matches('$');
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            // A filter's own quotes may hold a bracket, which no column in use does.
            let Some((inside, after)) = after.split_once(']') else { return Vec::new() };
            here = here.into_iter().flat_map(|value| bracket(value, inside)).collect();
            rest = after;
            continue;
        }
        let after = rest.strip_prefix('.').unwrap_or(rest);
        let mut end = after.len();
        let mut escaped = false;
        for (at, c) in after.char_indices() {
            if !escaped && (c == '.' || c == '[') {
                end = at;
                break;
            }
            escaped = c == '\\';
        }
        let (key, next) = after.split_at(end);
        let key = key.replace('\\', "");
        if !key.is_empty() {
            here = here.into_iter().filter_map(|value| value.get(&key)).collect();
        } else if next.len() == rest.len() {
            return Vec::new();
        }
        rest = next;
    }
    here
}

fn bracket<'a>(value: &'a Value, inside: &str) -> Vec<&'a Value> {
    let items = || value.as_array().into_iter().flatten();
    let unquote = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
    if let Some(filter) = inside.strip_prefix("?(").and_then(|f| f.strip_suffix(')')) {
        let Some((path, wanted)) = filter.split_once("==") else { return Vec::new() };
        let (path, wanted) = (path.trim().trim_start_matches('@').to_owned(), unquote(wanted));
        return items().filter(|item| json_path(item, &path).iter().any(|v| json_text(Some(v)) == wanted)).collect();
    }
    match inside {
        "*" => items().collect(),
        _ => match inside.parse::<usize>() {
            Ok(index) => value.get(index).into_iter().collect(),
            Err(_) => value.get(unquote(inside)).into_iter().collect(),
        },
    }
}

/// How long ago, as `kubectl` says it (`HumanDuration`).
pub(super) fn age(since: &str, now: u64) -> String {
    let Some(since) = parse_rfc3339(since) else { return "<unknown>".into() };
    let seconds = now.saturating_sub(since) / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |big: u64, unit: char, small: u64, small_unit: char| match small {
        0 => format!("{big}{unit}"),
        small => format!("{big}{unit}{small}{small_unit}"),
    };
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, 'm', seconds % 60, 's'),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, 'h', minutes % 60, 'm'),
        () if hours < 48 => format!("{hours}h"),
        () if days < 8 => two(days, 'd', hours % 24, 'h'),
        () if days < 730 => format!("{days}d"),
        () => two(days / 365, 'y', days % 365, 'd'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_values_by_the_paths_that_columns_use() {
        let object = json!({"status": {"conditions": [{"type": "Ready", "message": "a"}, {"type": "Released", "message": "b"}]},
            "metadata": {"labels": {"a.b/c": "x"}}, "spec": {"list": [1, 2]}});
        let check = |path: &str| json_path(&object, path).into_iter().map(|v| json_text(Some(v))).collect::<Vec<_>>();
        assert_eq!(check(".status.conditions[?(@.type==\"Released\")].message"), ["b"]);
        assert_eq!(check(".metadata.labels.a\\.b/c"), ["x"]);
        assert_eq!(check(".metadata.labels['a.b/c']"), ["x"]);
        assert_eq!(check(".spec.list[1]"), ["2"]);
        assert_eq!(check(".spec.list[*]"), ["1", "2"]);
        assert!(check(".spec.nothing.at.all").is_empty());
    }

    #[test]
    fn says_ages_as_kubectl_does() {
        let at = |seconds: u64| age("1970-01-01T00:00:00Z", seconds * 1000);
        let said: Vec<String> = [5, 119, 130, 600, 7200, 4 * 3600 + 60, 30 * 3600, 3 * 86_400 + 7200].map(at).into();
        assert_eq!(said, ["5s", "119s", "2m10s", "10m", "120m", "4h1m", "30h", "3d2h"]);
    }
}
