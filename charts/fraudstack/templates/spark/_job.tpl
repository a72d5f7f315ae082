{{/* What runs a job that needs no Spark; jobs/kubernetes/submit.py gives it a name, the job, a run, and creates it. */}}
{{- define "fraudstack.job" -}}
{{- $labels := dict "root" . "component" "job" -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "fraudstack.name" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "fraudstack.labels" $labels | nindent 4 }}
spec:
  # Whether to try again is Airflow's to say.
  backoffLimit: 0
  ttlSecondsAfterFinished: {{ .Values.spark.keepSeconds }}
  template:
    metadata:
      labels:
        {{- include "fraudstack.labels" $labels | nindent 8 }}
      {{- with .Values.spark.annotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "fraudstack.pod" (dict "root" . "account" "job" "values" .Values.spark) | nindent 6 }}
      restartPolicy: Never
      containers:
        - name: job
          image: {{ include "fraudstack.image" (dict "root" . "part" "jobs" "own" .Values.spark.image) }}
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          command: [tini, -s, --, python, -m, jobs]
          env:
            {{- include "fraudstack.settings" . | nindent 12 }}
          resources:
            {{- toYaml .Values.spark.job.resources | nindent 12 }}
          securityContext:
            {{- include "fraudstack.restricted" (dict "writable" false) | nindent 12 }}
          volumeMounts:
            - {name: data, mountPath: /data}
            - {name: tmp, mountPath: /tmp}
      volumes:
        - name: data
          persistentVolumeClaim: {claimName: {{ include "fraudstack.claim" . }}}
        - name: tmp
          emptyDir: {}
{{- end -}}
