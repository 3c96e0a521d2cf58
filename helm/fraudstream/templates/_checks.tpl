{{/* What can't work is refused before anything is made; each message says what to do. */}}

{{- define "fraudstream.checks" -}}
{{- include "fraudstream.checkNames" . -}}
{{- include "fraudstream.checkConfig" . -}}
{{- include "fraudstream.checkTopics" . -}}
{{- include "fraudstream.checkAutoscaling" . -}}
{{- include "fraudstream.checkOperator" . -}}
{{- include "fraudstream.checkTrust" . -}}
{{- include "fraudstream.checkSecrets" . -}}
{{- end -}}

{{/* Names of workers are of 100 characters at most: namespace, dot, and the longest name of a pod. */}}
{{- define "fraudstream.checkNames" -}}
{{- $full := include "fraudstream.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $full) -}}
{{- fail (printf "Services would be named %s-connect and the like, and a server takes names of small letters, digits and dashes that begin with a letter. Give another fullnameOverride." $full) -}}
{{- end -}}
{{- $longest := printf "%s.%s-producer-0123456789-01234" .Release.Namespace (include "fraudstream.fullname" .) -}}
{{- if gt (len $longest) 100 -}}
{{- fail (printf "Workers would have names as long as %s, and 100 characters are the most. Give a shorter fullnameOverride." $longest) -}}
{{- end -}}
{{- end -}}

{{/* What the pipeline writes is none of its inputs: it would decide its own decisions. fraud_claims is every release's. */}}
{{- define "fraudstream.checkTopics" -}}
{{- $written := append (splitList " " (include "fraudstream.topics" .)) "fraud_claims" -}}
{{- range $name := list "transactions" "logins" -}}
{{- $topic := get $.Values.topics $name -}}
{{- if has $topic $written -}}
{{- fail (printf "topics.%s is %s, which this release writes itself. Name the topic that they come on, or give the others a topics.prefix." $name $topic) -}}
{{- end -}}
{{- end -}}
{{- if eq .Values.topics.transactions .Values.topics.logins -}}
{{- fail (printf "topics.transactions and topics.logins are both %s. Give logins a topic of their own, or leave it empty." .Values.topics.logins) -}}
{{- end -}}
{{- end -}}

{{- define "fraudstream.checkAutoscaling" -}}
{{- $scaling := .Values.detector.autoscaling -}}
{{- if and $scaling.hpa.enabled $scaling.keda.enabled -}}
{{- fail "detector.autoscaling: hpa and keda are both enabled, and each would set the workers' number. Enable one." -}}
{{- end -}}
{{- range $kind := list "hpa" "keda" -}}
{{- $one := get $scaling $kind -}}
{{- if $one.enabled -}}
{{- if gt (int $one.maxReplicas) (int $.Values.topics.partitions) -}}
{{- fail (printf "detector.autoscaling.%s.maxReplicas (%d) is above topics.partitions (%d): a worker without a partition is idle. Lower the one, or say how many partitions the input has with the other." $kind (int $one.maxReplicas) (int $.Values.topics.partitions)) -}}
{{- end -}}
{{- if gt (int $one.minReplicas) (int $one.maxReplicas) -}}
{{- fail (printf "detector.autoscaling.%s.minReplicas (%d) is above its maxReplicas (%d)." $kind (int $one.minReplicas) (int $one.maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "fraudstream.checkOperator" -}}
{{- $operator := .Values.operator -}}
{{- if and $operator.enabled (not $operator.rbac.create) (not $operator.serviceAccount.name) -}}
{{- fail "operator.rbac.create is false, and operator.serviceAccount.name names no account that may what the operator does. Name one (templates/operator/rbac.yaml has its Role), or let the chart make it." -}}
{{- end -}}
{{- end -}}

{{- define "fraudstream.checkTrust" -}}
{{- if and .Values.kafka.tls.ca (not .Values.kafka.tls.enabled) -}}
{{- fail "kafka.tls.ca is given, and kafka.tls.enabled is false. Enable TLS, or leave the certificate out." -}}
{{- end -}}
{{- if and .Values.schemaRegistry.tls.ca (not (include "fraudstream.registryTLS" .)) -}}
{{- fail "schemaRegistry.tls.ca is given, and schemaRegistry.url does not begin with https. Correct one of them." -}}
{{- end -}}
{{- range $name, $text := dict "kafka.tls.ca" .Values.kafka.tls.ca "schemaRegistry.tls.ca" .Values.schemaRegistry.tls.ca -}}
{{- if and $text (not (contains "-----BEGIN CERTIFICATE-----" $text)) -}}
{{- fail (printf "%s holds no PEM certificate. Give the file with --set-file %s=ca.crt (--set gives its name)." $name $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Name, keys and setting of each secret that must be there. */}}
{{- define "fraudstream.secrets" -}}
{{- $kafka := .Values.kafka -}}
{{- $registry := .Values.schemaRegistry -}}
{{- if and $kafka.tls.enabled $kafka.tls.existingSecret (not $kafka.tls.ca) }}
- {name: {{ $kafka.tls.existingSecret | quote }}, keys: [{{ $kafka.tls.caKey | quote }}], setting: kafka.tls.existingSecret}
{{- end }}
{{- with and $kafka.tls.enabled $kafka.tls.clientCertificateSecret }}
- {name: {{ . | quote }}, keys: [tls.crt, tls.key], setting: kafka.tls.clientCertificateSecret}
{{- end }}
{{- with $kafka.sasl.existingSecret }}
- {name: {{ . | quote }}, keys: [{{ $kafka.sasl.usernameKey | quote }}, {{ $kafka.sasl.passwordKey | quote }}], setting: kafka.sasl.existingSecret}
{{- end }}
{{- if include "fraudstream.registryTLS" . }}
{{- if and $registry.tls.existingSecret (not $registry.tls.ca) }}
- {name: {{ $registry.tls.existingSecret | quote }}, keys: [{{ $registry.tls.caKey | quote }}], setting: schemaRegistry.tls.existingSecret}
{{- end }}
{{- with $registry.tls.clientCertificateSecret }}
- {name: {{ . | quote }}, keys: [tls.crt, tls.key], setting: schemaRegistry.tls.clientCertificateSecret}
{{- end }}
{{- end }}
{{- with .Values.bundles.signing.existingSecret }}
- {name: {{ . | quote }}, keys: [{{ $.Values.bundles.signing.key | quote }}], setting: bundles.signing.existingSecret}
{{- end }}
{{- with $registry.auth.existingSecret }}
- {name: {{ . | quote }}, keys: [{{ $registry.auth.usernameKey | quote }}, {{ $registry.auth.passwordKey | quote }}], setting: schemaRegistry.auth.existingSecret}
{{- end }}
{{- end -}}

{{/*
`helm template` sees no cluster, and then nothing is known. A cluster has a namespace kube-system; the release's own has
not been made yet where Helm is to make it. The account that every namespace has is asked for first, as who installs into
one may be allowed to look at that one alone.
*/}}
{{- define "fraudstream.live" -}}
{{- if or (lookup "v1" "ServiceAccount" .Release.Namespace "default") (lookup "v1" "Namespace" "" "kube-system") }}true{{ end -}}
{{- end -}}

{{- define "fraudstream.checkSecrets" -}}
{{- $secrets := include "fraudstream.secrets" . | fromYamlArray -}}
{{- if and $secrets (include "fraudstream.live" .) -}}
{{- range $secrets -}}
{{- $found := lookup "v1" "Secret" $.Release.Namespace .name -}}
{{- if not $found -}}
{{- fail (printf "There is no secret %q in the namespace %q, which %s names. Create it, or name another.%s" .name $.Release.Namespace .setting (include "fraudstream.secretHint" (dict "root" $ "setting" .setting))) -}}
{{- end -}}
{{- $data := default dict $found.data -}}
{{- range $key := .keys -}}
{{- if not (hasKey $data $key) -}}
{{- fail (printf "The secret %q has no key %q; it has: %s." $found.metadata.name $key (keys $data | sortAlpha | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "fraudstream.secretHint" -}}
{{- if eq .setting "kafka.tls.existingSecret" }}
Where Redpanda's chart runs in another namespace, its authority can be given with --set-file kafka.tls.ca=ca.crt, after
  {{ include "fraudstream.fetchAuthority" .root }}
{{- end -}}
{{- end -}}

{{/* The command that gets the authority of Redpanda's chart, which is in the namespace redpanda unless the release is. */}}
{{- define "fraudstream.fetchAuthority" -}}
kubectl -n {{ ternary "NAMESPACE" "redpanda" (eq .Release.Namespace "redpanda") }} get secret redpanda-default-cert -o jsonpath='{.data.ca\.crt}' | base64 -d > ca.crt
{{- end -}}
