{{/* NAME of the release's things: fraudstack for the release fraudstack. */}}
{{- define "fraudstack.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 30 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 30 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{/* Labels that never change, of a component: dict root component. */}}
{{- define "fraudstack.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "fraudstack.labels" -}}
{{ include "fraudstack.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{/* An image: dict root part own, own being a full name that wins. */}}
{{- define "fraudstack.image" -}}
{{- if .own -}}
{{ .own }}
{{- else -}}
{{- with .root.Values.image -}}
{{ if .registry }}{{ .registry | trimSuffix "/" }}/{{ end }}fraudstack-{{ $.part }}:{{ .tag | default $.root.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "fraudstack.claim" -}}
{{ .Values.storage.existingClaim | default (printf "%s-data" (include "fraudstack.name" .)) }}
{{- end -}}

{{/* Not empty where the store is PostgreSQL. */}}
{{- define "fraudstack.postgresql" -}}
{{ .Values.database.url }}{{ .Values.database.existingSecret }}
{{- end -}}

{{/* What every pod's spec begins with: dict root account token values. */}}
{{- define "fraudstack.pod" -}}
serviceAccountName: {{ include "fraudstack.name" .root }}-{{ .account }}
automountServiceAccountToken: {{ .token | default false }}
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user | default 10001 }}
  runAsGroup: {{ .user | default 10001 }}
  fsGroup: {{ .user | default 10001 }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A container's security context: dict writable, true only for `skaffold dev`. */}}
{{- define "fraudstack.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: {{ not .writable }}
capabilities: {drop: [ALL]}
{{- end -}}

{{/* The settings of scorer, dashboard and jobs, as a list of environment variables. */}}
{{- define "fraudstack.settings" -}}
{{- $settings := dict "TX_ENV" "production" -}}
{{- if eq (include "fraudstack.postgresql" .) "" -}}
{{- $_ := set $settings "TX_SQLITE_DB" "/data/transactions.db" -}}
{{- $_ := set $settings "TX_CLUSTERS_DB" "/data/transactions_clusters.db" -}}
{{- end -}}
{{- range $name, $value := merge (deepCopy .Values.settings) $settings }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- if ne (include "fraudstack.postgresql" .) "" }}
- name: TX_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.database.existingSecret | default (printf "%s-database" (include "fraudstack.name" .)) }}
      key: TX_DATABASE_URL
{{- end }}
{{- end -}}

{{/* Stays where the release goes. */}}
{{- define "fraudstack.keep" -}}
{{- if .Values.storage.keep }}
annotations:
  helm.sh/resource-policy: keep
{{- end }}
{{- end -}}

{{/* A value of a Secret that was generated once: dict root secret key make. */}}
{{- define "fraudstack.generated" -}}
{{- $found := lookup "v1" "Secret" .root.Release.Namespace .secret -}}
{{- if and $found (hasKey ($found.data | default dict) .key) -}}
{{ index $found.data .key | b64dec }}
{{- else -}}
{{ .make }}
{{- end -}}
{{- end -}}

{{/* An Ingress: dict root part port values. */}}
{{- define "fraudstack.ingress" -}}
{{- if .values.enabled }}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ include "fraudstack.name" .root }}-{{ .part }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "fraudstack.labels" (dict "root" .root "component" .part) | nindent 4 }}
  {{- with .values.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .values.className }}
  ingressClassName: {{ . }}
  {{- end }}
  tls:
    - hosts: [{{ .values.host | quote }}]
      secretName: {{ .values.tlsSecret }}
  rules:
    - host: {{ .values.host | quote }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {{ include "fraudstack.name" .root }}-{{ .part }}
                port: {name: http}
{{- end }}
{{- end -}}

{{/* A Service of one HTTP port: dict root part component port. */}}
{{- define "fraudstack.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "fraudstack.name" .root }}-{{ .part }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "fraudstack.labels" (dict "root" .root "component" .component) | nindent 4 }}
spec:
  selector:
    {{- include "fraudstack.selector" (dict "root" .root "component" .component) | nindent 4 }}
  ports:
    - name: http
      port: {{ .port }}
      targetPort: http
{{- end -}}

{{- define "fraudstack.account" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "fraudstack.name" .root }}-{{ .account }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "fraudstack.labels" (dict "root" .root "component" .account) | nindent 4 }}
automountServiceAccountToken: false
{{- end -}}


{{/* The port of an address. */}}
{{- define "fraudstack.port" -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{ $port | default (ternary "443" "80" (eq $url.scheme "https")) }}
{{- end -}}

{{/* A rule of egress to the Kubernetes API. */}}
{{- define "fraudstack.to-api-server" -}}
- to:
    - ipBlock: {cidr: {{ .Values.networkPolicy.apiServer.cidr }}}
  ports:
    - {protocol: TCP, port: {{ .Values.networkPolicy.apiServer.port }}}
{{- end -}}
