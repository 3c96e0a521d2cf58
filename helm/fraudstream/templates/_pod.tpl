{{/* What all pods have in common: (dict "root" $ "component" NAME "values" .Values.detector "configMap" NAME "rules" BOOL); "token" for what talks to Kubernetes. */}}

{{- define "fraudstream.pod" -}}
automountServiceAccountToken: {{ default false .token }}
# A Service named fraud-… would give every pod variables that begin like our settings.
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
securityContext:
  {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $sources := include "fraudstream.sources" . | trim }}
{{- if or $sources .values.extraVolumes }}
volumes:
  {{- if $sources }}
  - name: fraudstream
    projected:
      defaultMode: 0440
      sources:
        {{- $sources | nindent 8 }}
  {{- end }}
  {{- with .values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* For pods that stay: placement and spread; with "component". */}}
{{- define "fraudstream.placement" -}}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- if .values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- $own := include "fraudstream.selectorLabels" . | fromYaml }}
  {{- range .values.topologySpreadConstraints }}
  - {{ merge (deepCopy .) (dict "labelSelector" (dict "matchLabels" $own)) | toYaml | nindent 4 | trim }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "fraudstream.container" -}}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  {{- toYaml .root.Values.securityContext | nindent 2 }}
resources:
  {{- toYaml .values.resources | nindent 2 }}
{{- if or (include "fraudstream.sources" . | trim) .values.extraVolumeMounts }}
volumeMounts:
  {{- if include "fraudstream.sources" . | trim }}
  - name: fraudstream
    mountPath: /etc/fraudstream
    readOnly: true
  {{- end }}
  {{- with .values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* For what serves HTTP. */}}
{{- define "fraudstream.probes" -}}
ports:
  - name: http
    containerPort: {{ .values.service.port }}
startupProbe:
  httpGet: {path: /health/live, port: http}
  timeoutSeconds: 5
  {{- toYaml .values.startupProbe | nindent 2 }}
readinessProbe:
  httpGet: {path: /health/ready, port: http}
  timeoutSeconds: 5
  {{- toYaml .values.readinessProbe | nindent 2 }}
livenessProbe:
  httpGet: {path: /health/live, port: http}
  timeoutSeconds: 5
  {{- toYaml .values.livenessProbe | nindent 2 }}
{{- end -}}

{{/* Variables of what serves HTTP and has a name of its own. */}}
{{- define "fraudstream.workerEnv" -}}
# Stable, and one on a Kafka that several namespaces share.
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: FRAUD_WORKER
  value: {{ .root.Release.Namespace }}.$(POD_NAME)
- name: FRAUD_HTTP__PORT
  value: {{ .values.service.port | quote }}
{{- end -}}
