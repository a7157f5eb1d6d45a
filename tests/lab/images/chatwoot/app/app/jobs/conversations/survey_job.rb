# Asks the customer of a closed conversation how it was.
class Conversations::SurveyJob < ApplicationJob
  queue_as :high

  def perform(conversation)
    MessageTemplates.survey(conversation) if conversation.resolved?
  end
end
