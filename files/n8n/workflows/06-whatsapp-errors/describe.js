// Which workflow, where, what: without addresses and numbers, which may be secrets or customers.
const { workflow, execution, trigger } = $input.first().json;
const { message = 'no message' } = execution?.error ?? trigger?.error ?? {};
const harmless = message.replace(/https?:\/\/\S+/g, '(address)').replace(/[0-9]{6,}/g, '(number)').slice(0, 200);
const alerted = $getWorkflowStaticData('global');
const text = [
  `The workflow "${workflow.name}" failed in "${execution?.lastNodeExecuted ?? 'its trigger'}": ${harmless}`,
  `See execution ${execution?.id ?? '(none)'} in n8n. More failures of this workflow are not told for 15 minutes.`,
].join('\n');
return [{ json: { due: Date.now() - (alerted[workflow.id] ?? 0) > 15 * 60 * 1000, workflow: workflow.id, text } }];
