{{/* How pods reach brokers and registry: variables, and one projected volume with certificates, passwords and rules. */}}

{{- define "fraudstream.protocol" -}}
{{- $tls := ternary "SSL" "PLAINTEXT" .Values.kafka.tls.enabled -}}
{{- if .Values.kafka.sasl.existingSecret }}SASL_{{ end }}{{ $tls -}}
{{- end -}}

{{- define "fraudstream.registryTLS" -}}
{{- if hasPrefix "https:" .Values.schemaRegistry.url }}true{{ end -}}
{{- end -}}

{{/* Where the registry's authority comes from: what is given for it, or the brokers'. */}}
{{- define "fraudstream.registryTrust" -}}
{{- $tls := .Values.schemaRegistry.tls -}}
{{- if not (include "fraudstream.registryTLS" .) -}}
{{- dict | toYaml -}}
{{- else if or $tls.ca $tls.existingSecret -}}
{{- dict "ca" $tls.ca "existingSecret" $tls.existingSecret "caKey" $tls.caKey "inline" "registry-ca.crt" | toYaml -}}
{{- else if $tls.useKafkaCA -}}
{{- include "fraudstream.kafkaTrust" . -}}
{{- else -}}
{{- dict | toYaml -}}
{{- end -}}
{{- end -}}

{{- define "fraudstream.kafkaTrust" -}}
{{- $tls := .Values.kafka.tls -}}
{{- if $tls.enabled -}}
{{- dict "ca" $tls.ca "existingSecret" $tls.existingSecret "caKey" $tls.caKey "inline" "kafka-ca.crt" | toYaml -}}
{{- else -}}
{{- dict | toYaml -}}
{{- end -}}
{{- end -}}

{{/* Data of the ConfigMap; empty if there is nothing to keep in one. `rules` says whether the rules are wanted. */}}
{{- define "fraudstream.files" -}}
{{- with and .root.Values.kafka.tls.enabled .root.Values.kafka.tls.ca }}
kafka-ca.crt: |
  {{- . | nindent 2 }}
{{- end }}
{{- with .root.Values.schemaRegistry.tls.ca }}
registry-ca.crt: |
  {{- . | nindent 2 }}
{{- end }}
{{- with and .rules .root.Values.detector.rules }}
rules.yaml: |
  {{- . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The environment that all of ours share: as for the sources of the volume. */}}
{{- define "fraudstream.env" -}}
{{- $kafka := .root.Values.kafka -}}
{{- $registry := .root.Values.schemaRegistry -}}
{{- $kafkaTrust := include "fraudstream.kafkaTrust" .root | fromYaml -}}
{{- $registryTrust := include "fraudstream.registryTrust" .root | fromYaml -}}
- name: FRAUD_KAFKA__BOOTSTRAP_SERVERS
  value: {{ $kafka.bootstrapServers | quote }}
- name: FRAUD_KAFKA__SECURITY_PROTOCOL
  value: {{ include "fraudstream.protocol" .root }}
{{- if $kafka.sasl.existingSecret }}
- name: FRAUD_KAFKA__SASL_MECHANISM
  value: {{ $kafka.sasl.mechanism }}
{{- end }}
{{- if or $kafkaTrust.ca $kafkaTrust.existingSecret }}
- name: FRAUD_KAFKA__SSL_CA_LOCATION
  value: /etc/fraudstream/kafka/ca.crt
{{- end }}
{{- if and $kafka.tls.enabled $kafka.tls.clientCertificateSecret }}
- name: FRAUD_KAFKA__SSL_CERTIFICATE_LOCATION
  value: /etc/fraudstream/kafka/tls.crt
- name: FRAUD_KAFKA__SSL_KEY_LOCATION
  value: /etc/fraudstream/kafka/tls.key
{{- end }}
{{- with $kafka.properties }}
- name: FRAUD_KAFKA__PROPERTIES
  {{- $texts := dict }}
  {{- range $name, $value := . }}
  {{- $_ := set $texts $name (include "fraudstream.text" $value) }}
  {{- end }}
  value: {{ toJson $texts | quote }}
{{- end }}
- name: FRAUD_SCHEMA_REGISTRY__URL
  value: {{ $registry.url | quote }}
{{- if or $registryTrust.ca $registryTrust.existingSecret }}
- name: FRAUD_SCHEMA_REGISTRY__SSL_CA_LOCATION
  value: /etc/fraudstream/registry/ca.crt
{{- end }}
{{- if and (include "fraudstream.registryTLS" .root) $registry.tls.clientCertificateSecret }}
- name: FRAUD_SCHEMA_REGISTRY__SSL_CERTIFICATE_LOCATION
  value: /etc/fraudstream/registry/tls.crt
- name: FRAUD_SCHEMA_REGISTRY__SSL_KEY_LOCATION
  value: /etc/fraudstream/registry/tls.key
{{- end }}
{{- if contains " secrets/" (include "fraudstream.sources" .) }}
- name: FRAUD_SECRETS_DIR
  value: /etc/fraudstream/secrets
{{- end }}
- name: FRAUD_TOPICS__PREFIX
  value: {{ .root.Values.topics.prefix | quote }}
- name: FRAUD_TOPICS__TRANSACTIONS
  value: {{ .root.Values.topics.transactions | quote }}
{{- with .root.Values.topics.logins }}
- name: FRAUD_TOPICS__LOGINS
  value: {{ . | quote }}
{{- end }}
- name: FRAUD_TOPICS__PARTITIONS
  value: {{ include "fraudstream.text" .root.Values.topics.partitions | quote }}
- name: FRAUD_TOPICS__REPLICATION_FACTOR
  value: {{ include "fraudstream.text" .root.Values.topics.replicationFactor | quote }}
- name: FRAUD_TOPICS__MAX_MESSAGE_BYTES
  value: {{ include "fraudstream.text" .root.Values.topics.maxMessageBytes | quote }}
{{- /* A component may log otherwise than the rest. */}}
{{- $own := include "fraudstream.flat" .values.config | fromYaml }}
{{- range $name, $value := .root.Values.log }}
{{- if not (hasKey $own (printf "log.%s" $name)) }}
- name: FRAUD_LOG__{{ upper $name }}
  value: {{ $value }}
{{- end }}
{{- end }}
{{- end -}}

{{/* One authority's source: (dict "trust" … "path" … "configMap" …). */}}
{{- define "fraudstream.trustSource" -}}
{{- if .trust.ca }}
- configMap:
    name: {{ .configMap }}
    items: [{key: {{ .trust.inline }}, path: {{ .path }}/ca.crt}]
{{- else if .trust.existingSecret }}
- secret:
    name: {{ .trust.existingSecret | quote }}
    items: [{key: {{ .trust.caKey | quote }}, path: {{ .path }}/ca.crt}]
{{- end }}
{{- end -}}

{{/* Sources of the projected volume; empty if nothing is to be mounted: (dict "root" $ "component" NAME "configMap" NAME "rules" BOOL). */}}
{{- define "fraudstream.sources" -}}
{{- $kafka := .root.Values.kafka -}}
{{- $registry := .root.Values.schemaRegistry -}}
{{- include "fraudstream.trustSource" (dict "trust" (include "fraudstream.kafkaTrust" .root | fromYaml) "path" "kafka" "configMap" .configMap) }}
{{- include "fraudstream.trustSource" (dict "trust" (include "fraudstream.registryTrust" .root | fromYaml) "path" "registry" "configMap" .configMap) }}
{{- with and $kafka.tls.enabled $kafka.tls.clientCertificateSecret }}
- secret:
    name: {{ . | quote }}
    items: [{key: tls.crt, path: kafka/tls.crt}, {key: tls.key, path: kafka/tls.key}]
{{- end }}
{{- with and (include "fraudstream.registryTLS" .root) $registry.tls.clientCertificateSecret }}
- secret:
    name: {{ . | quote }}
    items: [{key: tls.crt, path: registry/tls.crt}, {key: tls.key, path: registry/tls.key}]
{{- end }}
{{- with $kafka.sasl.existingSecret }}
- secret:
    name: {{ . | quote }}
    items:
      - {key: {{ $kafka.sasl.usernameKey | quote }}, path: secrets/fraud_kafka__sasl_username}
      - {key: {{ $kafka.sasl.passwordKey | quote }}, path: secrets/fraud_kafka__sasl_password}
{{- end }}
{{- with $registry.auth.existingSecret }}
- secret:
    name: {{ . | quote }}
    items:
      - {key: {{ $registry.auth.usernameKey | quote }}, path: secrets/fraud_schema_registry__username}
      - {key: {{ $registry.auth.passwordKey | quote }}, path: secrets/fraud_schema_registry__password}
{{- end }}
{{- with and (has .component (list "detector" "setup" "trainer")) .root.Values.bundles.signing.existingSecret }}
- secret:
    name: {{ . | quote }}
    items: [{key: {{ $.root.Values.bundles.signing.key | quote }}, path: secrets/fraud_bundles__hmac_key}]
{{- end }}
{{- if and .rules .root.Values.detector.rules }}
- configMap:
    name: {{ .configMap }}
    items: [{key: rules.yaml, path: rules.yaml}]
{{- end }}
{{- end -}}

{{/* What a policy lets out for everything that reaches brokers and registry. */}}
{{- define "fraudstream.egress" -}}
{{- $ports := list }}
{{- range splitList "," .Values.kafka.bootstrapServers }}
{{- $ports = append $ports (regexFind "[0-9]+$" (trim .) | int) }}
{{- end }}
{{- $registry := urlParse .Values.schemaRegistry.url }}
{{- $given := regexFind ":[0-9]+$" $registry.host | trimPrefix ":" }}
{{- $ports = append $ports (default (ternary "443" "80" (eq $registry.scheme "https")) $given | int) -}}
- ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
# By port and to anywhere: brokers tell their own addresses, which no rule here could know.
- ports:
    {{- range $ports | uniq }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- end -}}
