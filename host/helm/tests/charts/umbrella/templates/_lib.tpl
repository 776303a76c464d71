{{- define "who" }}umbrella{{ end -}}
