{{- define "who" }}back{{ end -}}
