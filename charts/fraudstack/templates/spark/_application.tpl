{{- define "fraudstack.application" -}}
{{- $name := include "fraudstack.name" . -}}
{{- $image := include "fraudstack.image" (dict "root" . "part" "jobs" "own" .Values.spark.image) -}}
{{- with .Values.spark -}}
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata:
  name: {{ $name }}
  namespace: {{ $.Release.Namespace }}
  # The operator gives them to driver and executors too, which have components of their own.
  labels:
    {{- omit (include "fraudstack.labels" (dict "root" $ "component" "") | fromYaml) "app.kubernetes.io/component" | toYaml | nindent 4 }}
spec:
  type: Python
  pythonVersion: "3"
  mode: cluster
  sparkVersion: 4.3.0
  image: {{ $image }}
  imagePullPolicy: {{ $.Values.image.pullPolicy }}
  {{- with $.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  mainApplicationFile: local:///app/jobs/__main__.py
  # Whether to try again is Airflow's to say.
  restartPolicy: {type: Never}
  timeToLiveSeconds: {{ .keepSeconds }}
  sparkConf:
    spark.ui.enabled: "false"
    # NetworkPolicies name them.
    spark.driver.port: "7078"
    spark.driver.blockManager.port: "7079"
    spark.blockManager.port: "7079"
    # An executor that died stays until its reason is known.
    spark.kubernetes.executor.deleteOnTermination: "false"
    spark.kubernetes.driver.service.deleteOnTermination: "true"
    {{- range $key, $value := .conf }}
    {{ $key }}: {{ $value | toString | quote }}
    {{- end }}
  driver:
    cores: {{ .driver.cores }}
    coreRequest: {{ .driver.coreRequest | quote }}
    memory: {{ .driver.memory }}
    memoryOverhead: {{ .driver.memoryOverhead }}
    serviceAccount: {{ $name }}-spark
    javaOptions: >-
      -Dlog4j2.configurationFile=file:///app/jobs/spark/log4j2.properties
      -Djava.util.logging.config.file=/app/jobs/spark/java-logging.properties
    template:
      {{- include "fraudstack.spark-pod" (dict "root" $ "component" "spark-driver" "container" "spark-kubernetes-driver" "token" true) | nindent 6 }}
  executor:
    instances: {{ .executor.instances }}
    cores: {{ .executor.cores }}
    coreRequest: {{ .executor.coreRequest | quote }}
    memory: {{ .executor.memory }}
    memoryOverhead: {{ .executor.memoryOverhead }}
    javaOptions: >-
      -Dlog4j2.configurationFile=file:///app/jobs/spark/log4j2.properties
      -Djava.util.logging.config.file=/app/jobs/spark/java-logging.properties
    template:
      {{- include "fraudstack.spark-pod" (dict "root" $ "component" "spark-executor" "container" "spark-kubernetes-executor" "token" false) | nindent 6 }}
{{- end }}
{{- end -}}

{{/* A driver's or executor's pod: dict root component container token. Volumes in a template need no webhook. */}}
{{- define "fraudstack.spark-pod" -}}
metadata:
  labels:
    {{- include "fraudstack.labels" . | nindent 4 }}
  {{- with .root.Values.spark.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- include "fraudstack.pod" (dict "root" .root "account" "spark" "token" .token "values" .root.Values.spark) | nindent 2 }}
  containers:
    - name: {{ .container }}
      env:
        {{- include "fraudstack.settings" .root | nindent 8 }}
      securityContext:
        {{- include "fraudstack.restricted" (dict "writable" false) | nindent 8 }}
      volumeMounts:
        - {name: data, mountPath: /data}
        - {name: tmp, mountPath: /tmp}
  volumes:
    - name: data
      persistentVolumeClaim: {claimName: {{ include "fraudstack.claim" .root }}}
    - name: tmp
      emptyDir: {}
{{- end -}}
