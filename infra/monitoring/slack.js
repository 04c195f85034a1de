// Sends to Slack what an SNS topic tells. It is a Lambda function's inline code:
// 4 KB at most, with AWS's SDK at hand.
const { GetSecretValueCommand, SecretsManagerClient } = require('@aws-sdk/client-secrets-manager');

const secrets = new SecretsManagerClient();
const marks = { ALARM: ':red_circle:', OK: ':large_green_circle:' };

exports.handler = async (event) => {
  const url = await webhook(process.env.WEBHOOK_SECRET);
  for (const { Sns } of event.Records) await post(url, text(Sns));
};

// webhook reads the URL. It is a secret itself, so no error may contain it.
async function webhook(name) {
  const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: name }));
  const url = (SecretString ?? '').trim();
  if (!URL.canParse(url)) throw new Error(`secret ${name} has no URL; store the webhook's URL as plain text`);
  return url;
}

// text is an alarm's state, name, cause and advice, or what an event rule wrote.
function text({ Subject, Message }) {
  const message = parse(Message);
  if (!message?.AlarmName) {
    return escape([Subject, typeof message === 'string' ? message : Message].filter(Boolean).join('\n'));
  }
  const { AlarmName, AlarmDescription, NewStateReason, NewStateValue } = message;
  const head = `${marks[NewStateValue] ?? ':white_circle:'} *${escape(NewStateValue)}: ${escape(AlarmName)}*`;
  const advice = NewStateValue === 'OK' ? '' : AlarmDescription;
  return [head, escape(NewStateReason), escape(advice)].filter(Boolean).join('\n');
}

// parse reads JSON: an alarm's object, an event rule's text in quotes.
function parse(message) {
  try {
    return JSON.parse(message);
  } catch {
    return message;
  }
}

// escape keeps Slack from reading links and mentions into a message.
function escape(words) {
  return (words ?? '').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

// post fails where Slack refuses, so that Lambda tries again.
async function post(url, text) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ text }),
    signal: AbortSignal.timeout(5000),
  });
  if (!answer.ok) throw new Error(`Slack answered ${answer.status}: ${await answer.text()}`);
}
