{{/* A pod of the KubernetesExecutor, for one task. */}}
{{- define "fraudstack.airflow-worker" -}}
apiVersion: v1
kind: Pod
metadata:
  name: worker
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "fraudstack.labels" (dict "root" . "component" "airflow-worker") | nindent 4 }}
    fraudstack.io/airflow: "true"
spec:
  {{- include "fraudstack.pod" (dict "root" . "account" "airflow-worker" "token" true "values" .Values.airflow) | nindent 2 }}
  restartPolicy: Never
  containers:
    - name: base
      {{- include "fraudstack.airflow-image" . | nindent 6 }}
      env:
        {{- include "fraudstack.airflow-env" . | nindent 8 }}
      resources:
        {{- toYaml .Values.airflow.worker.resources | nindent 8 }}
      securityContext:
        {{- include "fraudstack.restricted" (dict "writable" false) | nindent 8 }}
      volumeMounts:
        {{- include "fraudstack.airflow-mounts" . | nindent 8 }}
  volumes:
    {{- include "fraudstack.airflow-volumes" . | nindent 4 }}
{{- end -}}
