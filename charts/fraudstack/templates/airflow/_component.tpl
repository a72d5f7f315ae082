{{/* The environment of every component of Airflow. */}}
{{- define "fraudstack.airflow-env" -}}
{{- $name := include "fraudstack.name" . -}}
{{- $secret := .Values.airflow.existingSecret | default (printf "%s-airflow" $name) -}}
{{- $database := .Values.airflow.database.existingSecret | default (printf "%s-airflow-database" $name) -}}
- name: AIRFLOW__CORE__FERNET_KEY
  valueFrom:
    secretKeyRef: {name: {{ $secret }}, key: fernet-key}
- name: AIRFLOW__API_AUTH__JWT_SECRET
  valueFrom:
    secretKeyRef: {name: {{ $secret }}, key: jwt-secret}
- name: AIRFLOW__API__SECRET_KEY
  valueFrom:
    secretKeyRef: {name: {{ $secret }}, key: secret-key}
# psycopg serves what waits and what doesn't.
- name: AIRFLOW__DATABASE__SQL_ALCHEMY_CONN
  valueFrom:
    secretKeyRef: {name: {{ $database }}, key: url}
- name: AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC
  valueFrom:
    secretKeyRef: {name: {{ $database }}, key: url}
- {name: AIRFLOW__CORE__EXECUTOR, value: {{ .Values.airflow.executor }}}
- {name: AIRFLOW__CORE__PARALLELISM, value: {{ .Values.airflow.parallelism | quote }}}
- {name: AIRFLOW__CORE__EXECUTION_API_SERVER_URL, value: "http://{{ $name }}-airflow:8080/execution/"}
# What a scheduler that was killed left is taken up within two minutes.
- {name: AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL, value: "60"}
- {name: AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE, value: /tmp/passwords.json}
- {name: AIRFLOW__LOGGING__BASE_LOG_FOLDER, value: {{ ternary "/data/airflow-logs" "/tmp/airflow-logs" .Values.airflow.logsOnVolume }}}
{{- if eq .Values.airflow.executor "KubernetesExecutor" }}
- {name: AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE, value: {{ .Release.Namespace }}}
- {name: AIRFLOW__KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE, value: /etc/fraudstack/worker.yaml}
{{- end }}
- {name: TX_SPARK_APPLICATION, value: /etc/fraudstack/application.yaml}
{{- with .Values.airflow.ingest }}
{{- if .schedule }}
- {name: TX_INGEST_SCHEDULE, value: {{ .schedule | quote }}}
- {name: TX_INGEST_SINCE, value: {{ .since | quote }}}
- {name: TX_INGEST_HOURS, value: {{ .hours | quote }}}
{{- end }}
{{- end }}
{{- if .Values.airflow.signOff }}
- {name: TX_MODEL_SIGN_OFF, value: "true"}
{{- end }}
# A day's files have names that a run fills in.
{{- range $variable, $value := pick .Values.settings "TX_CSV_PATH" "TX_LABELS_PATH" }}
- {name: {{ $variable }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- range $variable, $value := .Values.airflow.env }}
- {name: {{ $variable }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- end -}}

{{- define "fraudstack.airflow-image" -}}
image: {{ include "fraudstack.image" (dict "root" . "part" "airflow" "own" .Values.airflow.image) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end -}}

{{- define "fraudstack.airflow-mounts" -}}
- {name: config, mountPath: /etc/fraudstack, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if .Values.airflow.logsOnVolume }}
- {name: data, mountPath: /data}
{{- end }}
{{- end -}}

{{- define "fraudstack.airflow-volumes" -}}
- name: config
  configMap: {name: {{ include "fraudstack.name" . }}-spark}
- name: tmp
  emptyDir: {}
{{- if .Values.airflow.logsOnVolume }}
- name: data
  persistentVolumeClaim: {claimName: {{ include "fraudstack.claim" . }}}
{{- end }}
{{- end -}}

{{/*
A component as a Deployment: dict root component command account token values, and migrates for the one that brings
Airflow's database up to date, for which the others wait; heartbeat: what the API server, which has none, calls it in its
health.
*/}}
{{- define "fraudstack.airflow-component" -}}
{{- $full := printf "%s-airflow-%s" (include "fraudstack.name" .root) .component -}}
{{- $labels := dict "root" .root "component" (printf "airflow-%s" .component) -}}
{{- $airflow := .root.Values.airflow -}}
{{- /* The triggerer looks for the day's file. */ -}}
{{- $looks := and (eq .component "triggerer") $airflow.ingest.schedule (not $airflow.logsOnVolume) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $full }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "fraudstack.labels" $labels | nindent 4 }}
spec:
  replicas: 1
  selector:
    matchLabels:
      {{- include "fraudstack.selector" $labels | nindent 6 }}
  strategy: {type: Recreate}
  template:
    metadata:
      labels:
        {{- include "fraudstack.labels" $labels | nindent 8 }}
        fraudstack.io/airflow: "true"
      annotations:
        # What the jobs' manifests say is read when a task starts; secrets are read when a pod does.
        fraudstack.io/config: {{ print (include "fraudstack.application" .root) (include "fraudstack.job" .root) | sha256sum | trunc 16 }}
        {{- with $airflow.annotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      {{- include "fraudstack.pod" (dict "root" .root "account" .account "token" .token "values" $airflow) | nindent 6 }}
      # A task that runs here is left to its retry, which finds its SparkApplication at work.
      terminationGracePeriodSeconds: 45
      initContainers:
        - name: database
          {{- include "fraudstack.airflow-image" .root | nindent 10 }}
          args: {{ ternary (list "sh" "-c" "airflow db migrate && airflow pools set --include-deferred fraudstack_store 1 'The turn on the store'") (list "airflow" "db" "check-migrations" "--migration-wait-timeout" "600") (default false .migrates) | toJson }}
          env:
            {{- include "fraudstack.airflow-env" .root | nindent 12 }}
          resources:
            {{- toYaml .values.resources | nindent 12 }}
          securityContext:
            {{- include "fraudstack.restricted" (dict "writable" false) | nindent 12 }}
          volumeMounts:
            {{- include "fraudstack.airflow-mounts" .root | nindent 12 }}
        {{- if not .heartbeat }}
        # Airflow opens the file to write, even where it finds a password for everybody.
        - name: passwords
          {{- include "fraudstack.airflow-image" .root | nindent 10 }}
          args: [cp, /etc/airflow/passwords.json, /tmp/passwords.json]
          resources:
            {{- toYaml .values.resources | nindent 12 }}
          securityContext:
            {{- include "fraudstack.restricted" (dict "writable" false) | nindent 12 }}
          volumeMounts:
            - {name: passwords, mountPath: /etc/airflow, readOnly: true}
            - {name: tmp, mountPath: /tmp}
        {{- end }}
      containers:
        - name: {{ .component }}
          {{- include "fraudstack.airflow-image" .root | nindent 10 }}
          args: {{ .command | toJson }}
          env:
            {{- include "fraudstack.airflow-env" .root | nindent 12 }}
          {{- if .heartbeat }}
          livenessProbe:
            exec:
              command:
                - python
                - -c
                - |
                  import json, sys, urllib.request
                  # Where nobody can say how it is, it isn't to blame.
                  try:
                      url = "http://{{ include "fraudstack.name" .root }}-airflow:8080/api/v2/monitor/health"
                      health = json.load(urllib.request.urlopen(url, timeout=5))
                  except OSError:
                      sys.exit()
                  sys.exit(health["{{ .heartbeat }}"]["status"] == "unhealthy")
            initialDelaySeconds: 120
            periodSeconds: 60
            timeoutSeconds: 15
            failureThreshold: 5
          {{- else }}
          ports:
            - {name: http, containerPort: 8080}
          startupProbe:
            httpGet: {path: /api/v2/version, port: http}
            periodSeconds: 3
            failureThreshold: 100
          readinessProbe:
            httpGet: {path: /api/v2/version, port: http}
            periodSeconds: 10
            timeoutSeconds: 5
          livenessProbe:
            httpGet: {path: /api/v2/version, port: http}
            periodSeconds: 20
            timeoutSeconds: 10
            failureThreshold: 6
          {{- end }}
          resources:
            {{- toYaml .values.resources | nindent 12 }}
          securityContext:
            {{- include "fraudstack.restricted" (dict "writable" .root.Values.airflow.reload) | nindent 12 }}
          volumeMounts:
            {{- include "fraudstack.airflow-mounts" .root | nindent 12 }}
            {{- if $looks }}
            - {name: data, mountPath: /data, readOnly: true}
            {{- end }}
      volumes:
        {{- include "fraudstack.airflow-volumes" .root | nindent 8 }}
        {{- if $looks }}
        - name: data
          persistentVolumeClaim: {claimName: {{ include "fraudstack.claim" .root }}, readOnly: true}
        {{- end }}
        {{- if not .heartbeat }}
        - name: passwords
          secret:
            secretName: {{ $airflow.existingSecret | default (printf "%s-airflow" (include "fraudstack.name" .root)) }}
            items: [{key: passwords.json, path: passwords.json}]
        {{- end }}
{{- end -}}
