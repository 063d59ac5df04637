"""The embedded SageMaker: moto's server, with SageMaker jobs and endpoints that really run.

    HTTP                    pytest_plugin, service_process                      for tests of its users
                            __main__, server, http_handler                      a process, connections, faults on demand
                            same_origin                                         no web pages of other sites
                            resource_page, resource_view, object_page           what AWS has its console for
                            html_page, templates/
      v
    AWS's protocol          urls, responses, invocations                        requests and answers in AWS's form
      v
    state                   models, listing, search, lineage, moto_patches,     what exists, by account and region
                            cloudformation
      v
    what runs               processing, training, batch_transform, hosting,     jobs and endpoints, and their states
                            served_models, variants, serverless                 what an endpoint answers with
                            job, job_runner, service, faults, images, invocation_metrics
      v
    containers and files    container, container_init, transform_container      processes with an /opt/ml of their own,
                            object_store, log_stream, archives, identity        S3, logs and the role they run under

Beneath all of them: `resources` (what is kept of a resource), `request_validation` (requests against botocore's model),
`exceptions`, `settings`, `state_lock`; and the built-in algorithm, `pca_algorithm`, which runs in training containers
and behind endpoints and knows nothing of the service.
"""
