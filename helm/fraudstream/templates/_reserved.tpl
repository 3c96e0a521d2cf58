{{/*
Settings that values of the chart give to setup, workers, operator and trainers alike. Under a component's own `config` they
would reach that component alone: a detector in another group, on topics that no claim guards. How one logs concerns no other.
(dict "root" $ "component" NAME)
*/}}
{{- define "fraudstream.reserved" -}}
kafka.bootstrap_servers: kafka.bootstrapServers
kafka.security_protocol: kafka.tls.enabled and kafka.sasl.existingSecret
kafka.sasl_mechanism: kafka.sasl.mechanism
kafka.sasl_username: kafka.sasl.existingSecret
kafka.sasl_password: kafka.sasl.existingSecret
kafka.ssl_ca_location: kafka.tls.ca or kafka.tls.existingSecret
kafka.ssl_certificate_location: kafka.tls.clientCertificateSecret
kafka.ssl_key_location: kafka.tls.clientCertificateSecret
schema_registry.url: schemaRegistry.url
schema_registry.username: schemaRegistry.auth.existingSecret
schema_registry.password: schemaRegistry.auth.existingSecret
schema_registry.ssl_ca_location: schemaRegistry.tls.ca or schemaRegistry.tls.existingSecret
schema_registry.ssl_certificate_location: schemaRegistry.tls.clientCertificateSecret
schema_registry.ssl_key_location: schemaRegistry.tls.clientCertificateSecret
topics.prefix: topics.prefix
topics.transactions: topics.transactions
topics.logins: topics.logins
topics.partitions: topics.partitions
topics.replication_factor: topics.replicationFactor
topics.max_message_bytes: topics.maxMessageBytes
bundles.hmac_key: bundles.signing.existingSecret
pipeline: {{ ternary "producer.pipeline" "pipeline" (eq .component "producer") }}
http.port: {{ .component }}.service.port
worker: ""
namespace: ""
job_template: ""
{{- with .root.Values.kafka.properties }}
kafka.properties: kafka.properties
{{- end }}
{{- with .root.Values.detector.rules }}
rules: detector.rules
{{- end }}
{{- end -}}

{{- define "fraudstream.checkConfig" -}}
{{- range $component := list "detector" "producer" "operator" -}}
{{- $reserved := include "fraudstream.reserved" (dict "root" $ "component" $component) | fromYaml -}}
{{- range $path, $value := include "fraudstream.flat" (get $.Values $component).config | fromYaml -}}
{{- if hasKey $reserved $path -}}
{{- $instead := get $reserved $path -}}
{{- if $instead -}}
{{- fail (printf "%s.config has %s, which would reach the %s alone. Set the value %s." $component $path $component $instead) -}}
{{- end -}}
{{- fail (printf "%s.config has %s, which the chart gives to each pod. Leave it out." $component $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
