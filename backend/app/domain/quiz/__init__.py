"""Quizzes as evidence: questions, learner views, answers, grading, attempts, exchange formats."""
