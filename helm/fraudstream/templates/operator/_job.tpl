{{/* The Job that the operator fills in: name, labels, owner, arguments, and what a FraudModel asks for of resources. */}}
{{- define "fraudstream.job" -}}
{{- $here := dict "root" . "component" "trainer" "values" .Values.trainer "configMap" (include "fraudstream.fullname" .) "rules" false -}}
apiVersion: batch/v1
kind: Job
metadata:
  labels:
    {{- include "fraudstream.labels" $here | nindent 4 }}
spec:
  ttlSecondsAfterFinished: {{ include "fraudstream.text" .Values.trainer.ttlSeconds }}
  podFailurePolicy:
    rules:
      # Exit status 2: what is asked for can't be, or there is nothing to learn from; no further try mends that.
      - action: FailJob
        onExitCodes: {containerName: trainer, operator: In, values: [2]}
      # A node that is drained is no failure.
      - action: Ignore
        onPodConditions: [{type: DisruptionTarget}]
  template:
    metadata:
      labels:
        {{- include "fraudstream.podLabels" $here | nindent 8 }}
      {{- with .Values.trainer.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      restartPolicy: Never
      serviceAccountName: {{ include "fraudstream.serviceAccountName" . | quote }}
      {{- include "fraudstream.pod" $here | nindent 6 }}
      {{- with include "fraudstream.placement" $here | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      containers:
        - name: trainer
          image: {{ include "fraudstream.image" (dict "root" . "image" .Values.trainer.image) }}
          # The operator reads there what came of it, or else the last lines.
          terminationMessagePolicy: FallbackToLogsOnError
          env:
            {{- include "fraudstream.env" $here | nindent 12 }}
            {{- with .Values.trainer.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          {{- include "fraudstream.container" $here | nindent 10 }}
{{- end -}}
