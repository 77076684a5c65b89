// The main journey as a frontend makes it: an author publishes a module with every kind of section
// and of question, a learner completes it, a manager looks at the team, an admin invites somebody.
// Types come from the OpenAPI document alone: there is no cast and no `any` in this file.
import { createClient as createSupabase, type SupabaseClient } from '@supabase/supabase-js'
import createClient, { type Client, type Middleware } from 'openapi-fetch'
import type { components, paths } from './schema'

type Schemas = components['schemas']
type Question = Schemas['AttemptOpen']['questions'][number]
type Answer = Schemas['AttemptOpen']['answers'][string]
type Section = Schemas['Content']['sections'][number]
type NewSection =
  paths['/api/v1/modules/{module_id}/sections']['post']['requestBody']['content']['application/json']
type NewQuestion =
  paths['/api/v1/modules/{module_id}/sections/{section_id}/questions']['post']['requestBody']['content']['application/json']

type Query<Path extends '/api/v1/users' | '/api/v1/enrollments'> = NonNullable<
  paths[Path]['get']['parameters']['query']
>

interface Person {
  api: Client<paths>
  supabase: SupabaseClient
  me: Schemas['UserRead']
}

const PICTURE = Uint8Array.from([
  0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0,
  0, 0, 1, 8, 2, 0, 0, 0, 0x90, 0x77, 0x53, 0xde, 0, 0, 0, 12, 0x49, 0x44, 0x41, 0x54, 8, 0xd7, 0x63,
  0xf8, 0xcf, 0xc0, 0, 0, 3, 1, 1, 0, 0x18, 0xdd, 0x8d, 0xb0, 0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44,
  0xae, 0x42, 0x60, 0x82,
])

export async function journey(
  origin: string,
  password: string,
  say: (step: string, seen: string | number | boolean | null) => void,
): Promise<void> {
  const author = await signIn(origin, 'author@unified.example', password)
  const module = await publish(author)
  say('published', module.version)

  const learner = await signIn(origin, 'learner@unified.example', password)
  const enrollment = await enroll(learner, module.title)
  const quiz = await study(learner, enrollment)
  say('passed', quiz.passed)
  say('score', quiz.score_percent)

  const admin = await signIn(origin, 'admin@unified.example', password)
  say('attended', await teach(admin, module.id, learner.me.id))
  const done = got(await readEnrollment(learner, enrollment))
  say('status', done.status)
  say('certificate', await certificateOf(learner, module.id))

  const manager = await signIn(origin, 'manager@unified.example', password)
  say('people', await report(manager))
  say('table', await table(manager))
  say('team', await team(manager, learner.me.id))
  say('seen', await watch(manager, learner.me.id, module.id))

  say('rule', await requirement(admin, module.id))
  say('invited', await invite(origin, admin))
  say('refused', await refusal(learner))
}

function got<Data>({ data, error }: { data?: Data; error?: unknown }): Data {
  if (data === undefined) throw new Error(JSON.stringify(error))
  return data
}

async function signIn(origin: string, email: string, password: string): Promise<Person> {
  const supabase = connect(origin)
  const { error } = await supabase.auth.signInWithPassword({ email, password })
  if (error) throw error
  return whoever(origin, supabase)
}

function connect(origin: string): SupabaseClient {
  return createSupabase(origin, 'sb_publishable_development', { auth: { persistSession: false } })
}

async function whoever(origin: string, supabase: SupabaseClient): Promise<Person> {
  const authorize: Middleware = {
    async onRequest({ request }) {
      const { data } = await supabase.auth.getSession()
      request.headers.set('Authorization', `Bearer ${data.session?.access_token}`)
    },
  }
  const api = createClient<paths>({ baseUrl: origin })
  api.use(authorize)
  return { api, supabase, me: got(await api.GET('/api/v1/users/me')) }
}

async function publish({ api, supabase }: Person) {
  const title = `Sharps ${crypto.randomUUID()}`
  const { id } = got(await api.POST('/api/v1/modules', { body: { title } }))
  const path = { module_id: id }
  const media_id = await upload(api, supabase)
  const sections: NewSection[] = [
    { kind: 'text', title: 'Why it matters', body: 'Never recap a needle.' },
    {
      kind: 'video',
      title: 'How it is done',
      settings: { url: 'https://video.example/sharps', duration_seconds: 10, watch_share: 0.9 },
    },
    { kind: 'document', title: 'Poster', settings: { media_id } },
    { kind: 'link', title: 'The standard', settings: { url: 'https://law.example/1910.1030' } },
    { kind: 'acknowledgement', title: 'I have read it', settings: { statement: 'I have read it.' } },
    { kind: 'quiz', title: 'Quiz', settings: { pass_mark: 100, shuffle: true } },
    { kind: 'live_session', title: 'Drill', settings: { duration_minutes: 1 } },
  ]
  for (const body of sections) {
    const section = got(await api.POST('/api/v1/modules/{module_id}/sections', { params: { path }, body }))
    if (section.kind === 'quiz') await ask(api, id, section.id)
  }
  // What was read is changed and sent back, under the ETag that came with it.
  const read = await api.GET('/api/v1/modules/{module_id}', { params: { path } })
  await api.PATCH('/api/v1/modules/{module_id}', {
    params: { path, header: { 'If-Match': read.response.headers.get('ETag') ?? '' } },
    body: { summary: 'What a needle can do', tags: [...got(read).tags, 'sharps'] },
  })
  const version = got(
    await api.POST('/api/v1/modules/{module_id}/publish', { params: { path }, body: {} }),
  )
  return { id, title, version: version.number }
}

async function upload(api: Client<paths>, supabase: SupabaseClient): Promise<string> {
  const body = { purpose: 'section', content_type: 'image/png', size_bytes: PICTURE.length } as const
  const { id, upload } = got(await api.POST('/api/v1/media', { body }))
  const { error } = await supabase.storage
    .from(upload.bucket)
    .uploadToSignedUrl(upload.path, upload.token, PICTURE, { contentType: 'image/png' })
  if (error) throw error
  const params = { path: { media_id: id } }
  const media = got(await api.POST('/api/v1/media/{media_id}/complete', { params }))
  if (media.state !== 'ready') throw new Error(media.rejection ?? media.state)
  return media.id
}

async function ask(api: Client<paths>, module_id: string, section_id: string): Promise<void> {
  const options = [
    { id: 'a', text: 'A' },
    { id: 'b', text: 'B' },
  ]
  const right = [
    { id: 'r1', text: '1' },
    { id: 'r2', text: '2' },
  ]
  const questions: NewQuestion[] = [
    { kind: 'single_choice', prompt: 'Which one?', metadata: { options, correct: ['a'] } },
    { kind: 'multiple_choice', prompt: 'Which ones?', metadata: { options, correct: ['a', 'b'] } },
    { kind: 'true_false', prompt: 'Recap it.', metadata: { correct: false } },
    { kind: 'short_answer', prompt: 'Where to?', metadata: { accepted: ['sharps box'] } },
    { kind: 'numeric', prompt: 'How full?', metadata: { correct: 75, tolerance: 5 } },
    {
      kind: 'matching',
      prompt: 'What goes where?',
      metadata: { left: options, right, pairs: { a: 'r1', b: 'r2' } },
    },
    { kind: 'ordering', prompt: 'In turn', metadata: { items: options, correct: ['b', 'a'] } },
  ]
  const params = { path: { module_id, section_id } }
  for (const body of questions) {
    const place = '/api/v1/modules/{module_id}/sections/{section_id}/questions'
    got(await api.POST(place, { params, body }))
  }
}

async function enroll({ api, me }: Person, title: string): Promise<string> {
  const found = got(await api.GET('/api/v1/modules', { params: { query: { q: title } } }))
  const module = found.items[0]
  if (module === undefined) throw new Error('nothing was found')
  const enrolled = got(await api.POST('/api/v1/enrollments', { body: { module_id: module.id } }))
  const params = { path: { user_id: me.id } }
  const { items } = got(await api.GET('/api/v1/users/{user_id}/trainings', { params }))
  const mine = items.find((each) => each.enrollment?.id === enrolled.id)
  if (mine?.module?.title !== title) throw new Error('it is not among my trainings')
  return enrolled.id
}

function readEnrollment({ api }: Pick<Person, 'api'>, enrollment_id: string) {
  return api.GET('/api/v1/enrollments/{enrollment_id}', { params: { path: { enrollment_id } } })
}

async function study(learner: Person, enrollment_id: string) {
  const params = { path: { enrollment_id } }
  const content = got(await learner.api.GET('/api/v1/enrollments/{enrollment_id}/content', { params }))
  let result: Schemas['AttemptResultRead'] | undefined
  for (const section of content.sections) {
    if (section.kind === 'quiz') result = await takeQuiz(learner, enrollment_id, section.id)
    else await complete(learner, enrollment_id, section)
  }
  if (result === undefined) throw new Error('there was no quiz')
  return result
}

async function complete({ api, me }: Person, enrollment_id: string, section: Section): Promise<void> {
  const params = { path: { enrollment_id, section_id: section.id } }
  switch (section.kind) {
    case 'live_session': // is completed by attending it
    case 'quiz':
      return
    case 'acknowledgement': {
      const body = {
        printed_name: me.directory_name ?? me.display_name,
        meaning: section.settings.statement ?? section.title,
      }
      const place = '/api/v1/enrollments/{enrollment_id}/sections/{section_id}/acknowledge'
      got(await api.POST(place, { params, body }))
      return
    }
    case 'video':
    case 'text':
    case 'document':
    case 'link': {
      const position = section.kind === 'video' ? (section.settings.duration_seconds ?? 0) : 0
      const body = { seconds_spent: 1, position, completed: true }
      const place = '/api/v1/enrollments/{enrollment_id}/sections/{section_id}/progress'
      const { section: now } = got(await api.PUT(place, { params, body }))
      if (now.state !== 'completed') throw new Error(`${section.kind} is ${now.state}`)
    }
  }
}

async function takeQuiz({ api }: Person, enrollment_id: string, section_id: string) {
  const params = { path: { enrollment_id, section_id } }
  const place = '/api/v1/enrollments/{enrollment_id}/sections/{section_id}/attempts'
  const attempt = got(await api.POST(place, { params }))
  const path = { attempt_id: attempt.id }
  const answers = Object.fromEntries(attempt.questions.map((each) => [each.id, answerTo(each)]))
  got(await api.PUT('/api/v1/attempts/{attempt_id}/answers', { params: { path }, body: { answers } }))
  const result = got(
    await api.POST('/api/v1/attempts/{attempt_id}/submit', { params: { path }, body: {} }),
  )
  const read = got(await api.GET('/api/v1/attempts/{attempt_id}', { params: { path } }))
  if (read.state === 'open') throw new Error(`it is open until ${read.expires_at}`)
  return result
}

function answerTo(question: Question): Answer {
  switch (question.kind) {
    case 'single_choice':
      return 'a'
    case 'multiple_choice':
      return question.options.map((option) => option.id)
    case 'true_false':
      return false
    case 'short_answer':
      return 'Sharps box'
    case 'numeric':
      return 78
    case 'matching':
      return { a: 'r1', b: 'r2' }
    case 'ordering':
      return question.items.map((item) => item.id).sort().reverse()
  }
}

function today(): number {
  return new Date().setUTCHours(0, 0, 0, 0);
}

async function teach({ api }: Person, module_id: string, user_id: string): Promise<boolean> {
  const planned = got(
    await api.POST('/api/v1/live-sessions', {
      body: {
        module_id,
        // A class is closed once it is over; while it lasts, nobody studies anything else.
        // Not before the day, in UTC, on which the module was published.
        starts_at: new Date(Math.max(Date.now() - 3_600_000, today())).toISOString(),
        duration_minutes: 1,
        instructor_name: 'Ivy Instructor',
        instructor_qualification: 'RN',
      },
    }),
  )
  const params = { path: { session_id: planned.id } }
  const place = '/api/v1/live-sessions/{session_id}'
  got(await api.POST(`${place}/roster`, { params, body: { user_ids: [user_id] } }))
  got(await api.PUT(`${place}/attendance`, { params, body: { attended: [user_id] } }))
  const closed = got(await api.POST(`${place}/close`, { params }))
  return closed.completed.includes(user_id)
}

async function certificateOf({ api, me }: Person, module_id: string): Promise<boolean> {
  const params = { path: { user_id: me.id } }
  const { items } = got(await api.GET('/api/v1/users/{user_id}/trainings', { params }))
  const id = items.find((each) => each.module?.id === module_id)?.certificate?.training_record_id
  if (id === undefined) return false
  const path = { record_id: id }
  const record = got(await api.GET('/api/v1/training-records/{record_id}', { params: { path } }))
  return record.module_id === module_id
}

async function report({ api }: Person): Promise<boolean> {
  const query = { group_by: 'location' } as const
  const { groups } = got(await api.GET('/api/v1/reports/compliance', { params: { query } }))
  return groups.every((group) => group.people > 0)
}

async function table({ api }: Person): Promise<string> {
  const answer = await api.GET('/api/v1/reports/compliance.csv', { parseAs: 'text' })
  const name = answer.response.headers.get('Content-Disposition') ?? ''
  return got(answer).includes('learner@unified.example') ? name : 'the learner is missing'
}

// The directory as a table shows it: filtered, sorted, page by page.
async function team({ api }: Person, user_id: string): Promise<string> {
  const names: string[] = []
  let cursor: string | undefined
  do {
    const query: Query<'/api/v1/users'> = {
      role: ['learner', 'manager'],
      is_active: [true],
      sort: '-name',
      limit: 1,
      ...(cursor === undefined ? {} : { cursor }),
    }
    const page = got(await api.GET('/api/v1/users', { params: { query } }))
    names.push(...page.items.map((each) => (each.full_name ?? each.email ?? '').toLowerCase()))
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
  const { items } = got(await api.GET('/api/v1/users', { params: { query: { id: [user_id] } } }))
  if (items.length !== 1) throw new Error('the learner is not among my people')
  return names.join() === [...names].sort().reverse().join() ? 'sorted' : names.join()
}

// What a manager sees of a quiz: the result, and neither questions nor answers.
async function watch({ api }: Person, user_id: string, module_id: string): Promise<number> {
  const query: Query<'/api/v1/enrollments'> = { user_id: [user_id], module_id: [module_id] }
  const { items } = got(await api.GET('/api/v1/enrollments', { params: { query } }))
  const enrollment = items[0]
  if (enrollment === undefined) throw new Error('nobody is enrolled')
  const detail = got(await readEnrollment({ api }, enrollment.id))
  const quiz = detail.sections.find((each) => each.kind === 'quiz')
  if (quiz === undefined) throw new Error('there is no quiz')
  const path = { enrollment_id: enrollment.id, section_id: quiz.section_id }
  const place = '/api/v1/enrollments/{enrollment_id}/sections/{section_id}/attempts'
  const attempts = got(await api.GET(place, { params: { path } }))
  const attempt_id = attempts.items[0]?.id ?? ''
  const attempt = got(await api.GET('/api/v1/attempts/{attempt_id}', { params: { path: { attempt_id } } }))
  if (attempt.state === 'open') throw new Error(`it is open until ${attempt.expires_at}`)
  return attempt.questions.length === 0 ? attempt.score_percent : -1
}

// A rule is read, changed, sent back as it was read otherwise, and withdrawn.
async function requirement({ api }: Person, module_id: string): Promise<number> {
  const made = await api.POST('/api/v1/requirements', {
    body: {
      title: `Sharps ${crypto.randomUUID()}`,
      confirm: true,
      rule: {
        subject: { kind: 'modules', any_of: [module_id] },
        audience: { roles: ['author'] },
        first_due: { kind: 'days_after', event: 'hire', days: 30 },
      },
    },
  })
  const path = { requirement_id: got(made).id }
  const read = await api.GET('/api/v1/requirements/{requirement_id}', { params: { path } })
  const { rule } = got(read)
  if (rule === null) throw new Error('it has no rule')
  const header = { 'If-Match': read.response.headers.get('ETag') ?? '' }
  const changed = got(
    await api.PATCH('/api/v1/requirements/{requirement_id}', {
      params: { path, header },
      body: { rule: { ...rule, citation: '29 CFR 1910.1030' }, confirm: true },
    }),
  )
  const withdrawn = await api.DELETE('/api/v1/requirements/{requirement_id}', {
    params: { path, header: { 'If-Match': changed.etag }, query: { confirm: true } },
  })
  if (!withdrawn.response.ok) throw new Error(JSON.stringify(withdrawn.error))
  return changed.version
}

async function invite(origin: string, { api }: Person): Promise<boolean> {
  const email = `${crypto.randomUUID()}@unified.example`
  got(await api.POST('/api/v1/users/invite', { body: { email, full_name: 'Nora New' } }))
  const token_hash = await tokenIn(origin, email)
  const supabase = connect(origin)
  const { error } = await supabase.auth.verifyOtp({ type: 'invite', token_hash })
  if (error) throw error
  const { me } = await whoever(origin, supabase)
  return me.email === email && me.email_confirmed
}

async function tokenIn(origin: string, email: string): Promise<string> {
  interface Mailbox {
    items: { to: string; token_hash: string }[]
  }
  const mailbox: Mailbox = await (await fetch(`${origin}/mailbox.json`)).json()
  const mail = mailbox.items.find((each) => each.to === email)
  if (mail === undefined) throw new Error('no invitation has arrived')
  return mail.token_hash
}

async function refusal({ api }: Person): Promise<string> {
  const body = { module_id: crypto.randomUUID() }
  const { error } = await api.POST('/api/v1/enrollments', { body })
  if (error === undefined) throw new Error('there is no such module')
  // The code narrows the error to what that code brings along.
  if (error.code === 'prerequisite_missing') return error.module_ids.join()
  if (error.code === 'invalid_payload') return error.errors.map((each) => each.pointer).join()
  return error.code
}
