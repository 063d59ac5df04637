# Airflow with the pipeline in it, and the embedded SageMaker for machines without an AWS account.
FROM apache/airflow:3.3.2-python3.11

COPY --chown=airflow:0 requirements.txt /opt/airflow/requirements.txt
# Naming Airflow's version keeps pip from moving the one that the image was built around.
RUN pip install --no-cache-dir "apache-airflow==${AIRFLOW_VERSION}" -r /opt/airflow/requirements.txt

COPY --chown=airflow:0 dags /opt/airflow/dags
COPY --chown=airflow:0 plugins /opt/airflow/plugins
COPY --chown=airflow:0 processing /opt/airflow/processing
COPY --chown=airflow:0 quickstart /opt/airflow/quickstart
COPY --chown=airflow:0 sagemaker_local /opt/airflow/sagemaker_local

ENV PYTHONPATH=/opt/airflow:/opt/airflow/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False
