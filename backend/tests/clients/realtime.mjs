// Subscribes as one person to their own enrollments, and tells what arrives.
// Prints one JSON object per step. ORIGIN, EMAIL, PASSWORD as for journey.mjs.
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@supabase/supabase-js'
import WebSocket from 'ws'

const { ORIGIN, EMAIL, OTHER_EMAIL, PASSWORD, SLUG } = process.env
const KEY = 'sb_publishable_development'
const options = {
  auth: { autoRefreshToken: false, persistSession: false },
  realtime: { transport: WebSocket },
}

function say(step, seen) {
  console.log(JSON.stringify({ step, ...seen }))
}

async function signedIn(email) {
  const client = createClient(ORIGIN, KEY, options)
  const { data, error } = await client.auth.signInWithPassword({ email, password: PASSWORD })
  if (error) throw error
  const api = async (path, body) => {
    const response = await fetch(`${ORIGIN}/api/v1${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { Authorization: `Bearer ${data.session.access_token}`, 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return response.json()
  }
  return { client, api }
}

const states = []
const events = []
const me = await signedIn(EMAIL)
const other = await signedIn(OTHER_EMAIL)
const subscribed = (channel, name) =>
  new Promise((resolve) =>
    channel.subscribe((state, error) => {
      states.push({ name, state, error: error?.message ?? null })
      resolve()
    })
  )
await subscribed(
  me.client
    .channel('my-training')
    .on('postgres_changes', { event: '*', schema: 'public', table: 'enrollments' }, (change) =>
      events.push({ name: 'mine', type: change.eventType, table: change.table, row: change.new })
    ),
  'mine'
)
await subscribed(
  me.client
    .channel('withdrawn')
    .on(
      'postgres_changes',
      { event: 'UPDATE', schema: 'public', table: 'enrollments', filter: 'status=eq.withdrawn' },
      (change) => events.push({ name: 'withdrawn', type: change.eventType, row: change.new })
    ),
  'withdrawn'
)
const systems = []
const unpublished = me.client
  .channel('nothing')
  .on('postgres_changes', { event: '*', schema: 'public', table: 'quiz_questions' }, () => {})
unpublished.on('system', {}, (payload) => systems.push(payload))
await subscribed(unpublished, 'nothing')

const modules = (await me.api(`/modules?q=${SLUG}`)).items
const module_id = modules.find((module) => module.slug === SLUG).id
await other.api('/enrollments', { module_id })
const { id } = await me.api('/enrollments', { module_id })
await me.api(`/enrollments/${id}/withdraw`, {})
for (let tries = 0; tries < 100 && events.length < 3; tries += 1) await sleep(100)
await sleep(500)
say('states', { states })
say('events', { id, events })
say('system', { systems: systems.map(({ status, message }) => ({ status, message })) })
await sleep(Number(process.env.IDLE_SECONDS ?? 0) * 1000)
say('end', { connected: me.client.realtime.isConnected() })
await me.client.removeAllChannels()
await me.client.auth.signOut()
process.exit(0)
