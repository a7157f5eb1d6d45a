# What Devise sends to a new agent upstream (facts 14): whoever was invited chooses a password; without an
# inviter it is a welcome, whose link logs in once.
class ConfirmationMailer < ActionMailer::Base
  default from: -> { ENV.fetch('MAILER_SENDER_EMAIL', 'Chatwoot <accounts@chatwoot.com>') }

  def confirmation_instructions(user, token)
    @user = user
    @inviter = user.account_users.first&.inviter
    page = @inviter ? 'auth/password/edit' : 'auth/confirmation'
    query = @inviter ? { reset_password_token: token } : { confirmation_token: token }
    @link = "#{ENV.fetch('FRONTEND_URL', '')}/app/#{page}?#{query.to_query}"
    mail(to: user.email, subject: 'Confirmation Instructions')
  end
end
