// What a frontend does with the types. It compiles only where unions narrow by their constants alone,
// and where what was read can be sent. Of the three generators, none needs a check besides.
import type { components, paths } from './schema'
import type * as Fetch from './fetch'
import type * as Hey from './hey'

type ReadAttempt = paths['/api/v1/attempts/{attempt_id}']['get']
type Attempt = ReadAttempt['responses']['200']['content']['application/json']

export function scoreOf(attempt: Attempt): number {
  switch (attempt.state) {
    case 'open':
      return attempt.questions.length
    case 'graded':
      return attempt.score_percent + attempt.points / attempt.max_points
  }
}

export function endOf(attempt: Fetch.AttemptOpen | Fetch.AttemptResultRead): string | null {
  return attempt.state === 'graded' ? attempt.submitted_at : attempt.server_time
}

export function isPassed(attempt: Hey.ReadAttemptResponse): boolean {
  return attempt.state === 'graded' && attempt.passed
}

export function changed(read: components['schemas']['RequirementDetail']) {
  const rule = read.rule && { ...read.rule, citation: '29 CFR 1910.1030' }
  const body: components['schemas']['RequirementUpdate'] = rule ? { rule } : {}
  return body
}

export function changedByFetch(read: Fetch.RequirementDetail): Fetch.RequirementUpdate {
  return read.rule ? { rule: read.rule } : {}
}

export function changedByHey(read: Hey.RequirementDetail): Hey.RequirementUpdate {
  return read.rule ? { rule: read.rule } : {}
}
