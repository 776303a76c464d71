{{- define "lib.greet" }}hello {{ .name }} of {{ .ctx.Chart.Name }}{{ end }}
