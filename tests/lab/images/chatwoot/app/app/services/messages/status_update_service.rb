# Writes how the delivery of a message went. A wrong status changes nothing, and nobody is told (upstream's way).
class Messages::StatusUpdateService
  def initialize(message, status, external_error = nil)
    @message = message
    @status = status
    @external_error = external_error
  end

  def perform
    return false unless Message.statuses.key?(@status)
    return false if @message.read? && @status == 'delivered'

    @message.update!(status: @status, external_error: @status == 'failed' ? @external_error : nil)
  end
end
